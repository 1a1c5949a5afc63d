from threadpoolctl import threadpool_info, threadpool_limits

from inference.threads import leave_cores_to_the_encoder


def test_products_are_made_on_one_thread_and_stay_so_after_somebody_else_s_limit() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        leave_cores_to_the_encoder()
        found = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
        with threadpool_limits(limits=2, user_api="blas"):
            pass
        after = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
    assert set(found) == set(after) == {1}
