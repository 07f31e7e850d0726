"""gRPC over TLS, with the same files as REST."""

from pathlib import Path

import grpc

from firmus.rpc import service
from firmus.tls import Identity
from tests.certificates import Authority
from tests.gateway.ports import World
from tests.rpc.client import Failed, Rpc
from tests.rpc.conftest import ports_of, register


async def test_workers_call_over_tls_and_clients_may_be_asked_for_certificates(
    world: World, tmp_path: Path
):
    authority = Authority(tmp_path)
    roots = Path(authority.ca).read_bytes()
    cert, key = (Path(file).read_bytes() for file in authority.issue("me"))
    asking = Identity(*authority.issue("server"), client_ca=authority.ca)
    open_to_all = Identity(asking.cert, asking.key)
    known = grpc.ssl_channel_credentials(roots, key, cert)
    unknown = grpc.ssl_channel_credentials(roots)
    let_in: list[object] = []
    for identity, credentials in ((open_to_all, unknown), (asking, known), (asking, unknown)):
        server = await service.start(ports_of(world), host="127.0.0.1", port=0, identity=identity)
        address = f"localhost:{server.port}"
        async with grpc.aio.secure_channel(address, credentials) as channel:
            try:
                await register(Rpc(channel), f"w{len(let_in)}", "a")
                let_in.append(True)
            except Failed as refused:
                let_in.append(str(refused).partition(":")[0])
            finally:
                await server.close()
    assert let_in == [True, True, "UNAVAILABLE"]
