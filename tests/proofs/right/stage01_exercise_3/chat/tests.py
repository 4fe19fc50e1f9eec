"""
The consumer, tested in this process: no server, no network, a few milliseconds.
"""

from channels.testing import WebsocketCommunicator

from config.asgi import application


async def connect(path="/ws/echo/"):
    client = WebsocketCommunicator(application, path)
    accepted, _subprotocol = await client.connect()
    assert accepted, "The handshake was refused. Does connect() accept?"
    return client


async def test_text_comes_back_as_text():
    client = await connect()
    await client.send_to(text_data="¡olé! 🎉")
    assert await client.receive_from() == "¡olé! 🎉"
    await client.disconnect()


async def test_bytes_come_back_as_bytes():
    client = await connect()
    await client.send_to(bytes_data=b"\x00\xff")
    assert await client.receive_from() == b"\x00\xff"
    await client.disconnect()


async def test_messages_come_back_in_order():
    client = await connect()
    for number in range(10):
        await client.send_to(text_data=str(number))
    assert [await client.receive_from() for _ in range(10)] == list("0123456789")
    await client.disconnect()


async def test_nothing_comes_before_the_client_speaks():
    client = await connect()
    assert await client.receive_nothing()
    await client.disconnect()


async def test_message_comes_back_to_no_one_else():
    ana, ben = await connect(), await connect()
    await ana.send_to(text_data="for ana")
    assert await ana.receive_from() == "for ana"
    # If the first message had leaked, it would reach ben before this one.
    await ben.send_to(text_data="for ben")
    assert await ben.receive_from() == "for ben"
    await ana.disconnect()
    await ben.disconnect()


async def test_other_paths_are_refused():
    client = WebsocketCommunicator(application, "/ws/nowhere/")
    accepted, _code = await client.connect()
    assert not accepted, "The handshake was accepted. Is Refuse the last route?"
