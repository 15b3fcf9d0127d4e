import errno
import os
import random
import socket
from contextlib import closing

from service.infra.start import StartupError

# Below the ports that systems hand out by themselves (Linux from 32768, macOS from 49152): while a server restarts, no
# outgoing connection can take its port, not even that of a client which tries to reach it.
OWN_PORTS = range(20_000, 30_000)


def free_port(preferred: int | None = None) -> int:
    """A local TCP port that nothing listens on right now: the preferred one, or one that nobody gets by chance.

    Raises:
        StartupError: There is none.
    """
    first = [] if preferred is None else [preferred]
    for port in (*first, *random.sample(OWN_PORTS, k=1000)):
        if _refusal("127.0.0.1", port) is None:
            return port
    msg = f"No free port between {OWN_PORTS.start} and {OWN_PORTS.stop}: end what uses them"
    raise StartupError(msg)


def require_listenable(host: str, port: int, *, host_option: str, port_option: str) -> None:
    """Raise StartupError, naming the option to change, unless a server could listen there."""
    refusal = _refusal(host, port)
    if refusal is None:
        return
    if refusal.errno == errno.EADDRINUSE:
        msg = f"Port {port} on {host} is taken: stop what listens there, or choose another with {port_option}"
    elif refusal.errno == errno.EACCES:
        msg = f"Port {port} on {host} is not allowed to this user: choose one above 1023 with {port_option}"
    else:
        msg = f"Cannot listen on {host} ({refusal.strerror}): choose an address of this machine with {host_option}"
    raise StartupError(msg)


def answers(port: int, greeting: bytes, reply: bytes, *, host: str = "127.0.0.1") -> bool:
    """Whether what listens on this port answers the greeting with something that begins like the reply."""
    try:
        with closing(socket.create_connection((host, port), timeout=1)) as connection:
            connection.sendall(greeting)
            return connection.recv(64).startswith(reply)
    except OSError:
        return False


def _refusal(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except UnicodeError:
            return OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        except OSError as error:
            return error
        return None
