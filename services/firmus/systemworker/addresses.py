"""Which addresses an HTTP task may reach, when the operator limits it to the public ones.

Checked for each socket as it is made, so names that resolve to inner addresses, literal ones and
redirects are all caught, and nothing can change between the check and the connection.
"""

import ipaddress
import socket
from typing import Any


class AddressRefused(PermissionError):
    """The address is one of this machine or its network."""


def is_public(address: str) -> bool:
    """False for loopback, private, link-local (cloud metadata), reserved and unreadable ones."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)))
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for one result of a name look-up. Raises AddressRefused."""
    family, kind, protocol, _, where = address
    if not is_public(str(where[0])):
        raise AddressRefused("the address is not a public one, and this server refuses those")
    return socket.socket(family=family, type=kind, proto=protocol)
