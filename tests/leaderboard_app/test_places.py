import asyncio

import pytest

from leaderboard_app.places import NoPlace, Places


async def hold(places: Places, reader: str | None, go_on: asyncio.Event) -> None:
    async with places.place(reader):
        await go_on.wait()


async def fill(
    places: Places, *readers: str | None
) -> tuple[asyncio.Event, list[asyncio.Task[None]]]:
    go_on = asyncio.Event()
    tasks = [asyncio.create_task(hold(places, reader, go_on)) for reader in readers]
    await asyncio.sleep(0)
    return go_on, tasks


async def is_free(places: Places, reader: str | None) -> bool:
    try:
        async with asyncio.timeout(0.01):
            async with places.place(reader):
                return True
    except TimeoutError:
        return True
    except NoPlace:
        return False


def test_who_finds_no_place_is_sent_away_and_others_wait_their_turn() -> None:
    async def run() -> None:
        places = Places(1, 2)
        go_on, tasks = await fill(places, "a", "b", "c")
        assert not await is_free(places, "d")
        go_on.set()
        await asyncio.gather(*tasks)
        assert await is_free(places, "d")

    asyncio.run(run())


def test_one_reader_does_not_take_all_places() -> None:
    async def run() -> None:
        places = Places(2, 10, each=2)
        go_on, tasks = await fill(places, "a", "a")
        assert not await is_free(places, "a")
        assert await is_free(places, "b")
        assert await is_free(places, None)
        go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_who_is_done_lets_the_next_one_work_and_stays_counted() -> None:
    async def run() -> None:
        places = Places(1, 1)
        async with places.place("a") as release:
            release()
            release()
            async with asyncio.timeout(10), places.place("b"):
                assert not await is_free(places, "c")
        assert await is_free(places, "c")
        go_on, tasks = await fill(places, "a", "b")
        assert not await is_free(places, "c")
        go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_a_place_is_free_again_after_an_error_and_after_going_away() -> None:
    async def run() -> None:
        places = Places(1, 0)
        with pytest.raises(KeyError):
            async with places.place("a"):
                raise KeyError
        _, (task,) = await fill(places, "a")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await is_free(places, "b")

    asyncio.run(run())
