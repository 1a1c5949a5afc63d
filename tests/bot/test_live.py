import pytest

from bot.conversation import ConversationEvent, EventKind
from bot.live import Live
from kit.ids import ConversationId

pytestmark = pytest.mark.anyio

HERE, THERE = ConversationId("conv_here"), ConversationId("conv_there")


def _event(number: int) -> ConversationEvent:
    return ConversationEvent(number, EventKind.MESSAGE, {})


async def test_a_listener_hears_its_conversation_only() -> None:
    live = Live()
    with live.listening(HERE) as listener:
        live.publish(THERE, _event(1))
        live.publish(HERE, _event(2))
        assert await listener.next() == _event(2)


def test_nobody_listens_after_the_block() -> None:
    live = Live()
    with live.listening(HERE), live.listening(HERE):
        assert live.has_listeners(HERE)
    assert not live.has_listeners(HERE)


async def test_a_stalled_listener_is_cut_off_and_the_others_are_not() -> None:
    live = Live()
    with live.listening(HERE) as stalled:
        for number in range(2001):
            live.publish(HERE, _event(number))
        with live.listening(HERE) as quick:
            live.publish(HERE, _event(9999))
            assert await quick.next() == _event(9999)
        heard = []
        while (event := await stalled.next()) is not None:
            heard.append(event.id)
        assert heard == list(range(1, 2000))
