import customers


def test_the_package_s_face_is_sorted_and_complete() -> None:
    assert sorted(customers.__all__) == customers.__all__
    assert all(hasattr(customers, name) for name in customers.__all__)
