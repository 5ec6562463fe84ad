"""A user-space tunnel: packets of a TUN device over UDP to one peer and back, as flannel's udp backend does it.

Usage: tun_relay.py DEVICE LOCAL-ADDRESS PEER-ADDRESS; prints "ready", runs until killed.
"""

import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
SO_RCVBUFFORCE = 33
PORT = 8285
BURST = 256  # packets moved one way before the other way has its turn


def main():
    device, local, peer = sys.argv[1:4]
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    udp.bind((local, PORT))
    udp.connect((peer, PORT))
    udp.setblocking(False)
    poll = select.poll()
    poll.register(tun, select.POLLIN)
    poll.register(udp, select.POLLIN)
    print("ready", flush=True)

    def to_udp():
        udp.send(os.read(tun, 65536))

    def to_tun():
        os.write(tun, udp.recv(65536))

    moves = {tun: to_udp, udp.fileno(): to_tun}
    while True:
        for descriptor, _ in poll.poll():
            for _ in range(BURST):
                try:
                    moves[descriptor]()
                except BlockingIOError:
                    break
                except OSError:
                    continue  # the peer is not there yet, or the kernel will not have this packet: lost, as on a wire


if __name__ == "__main__":
    main()
