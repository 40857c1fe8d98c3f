# Much data both ways, and how much of it TCP had to send twice.
#
#   bulk.py serve ADDRESS PORT READY     makes the file READY once it listens; serves until killed
#   bulk.py send ADDRESS PORT BYTES      sends BYTES, gets BYTES back, and prints
#                                        {"bytes": …, "sent": retransmits, "received": retransmits}
import json
import os
import socket
import struct
import sys

TOTAL_RETRANS_OFFSET = 100  # tcpi_total_retrans in struct tcp_info
CHUNK = bytes(1 << 18)

def retransmits(s):
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("I", info, TOTAL_RETRANS_OFFSET)[0]

def send(s, count):
    while count:
        count -= s.send(CHUNK[:count])

def receive(s, count):
    got = 0
    while got < count:
        data = s.recv(min(1 << 18, count - got))
        if not data:
            break
        got += len(data)
    return got

mode, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
if mode == "serve":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(16)
    with open(sys.argv[4], "w"):
        pass
    while True:
        connection, _ = s.accept()
        if os.fork():
            connection.close()
            continue
        count = struct.unpack("!Q", connection.recv(8, socket.MSG_WAITALL))[0]
        receive(connection, count)
        send(connection, count)
        connection.recv(1)  # the client has everything
        connection.sendall(struct.pack("!Q", retransmits(connection)))
        os._exit(0)
count = int(sys.argv[4])
s.connect((address, port))
s.sendall(struct.pack("!Q", count))
send(s, count)
got = receive(s, count)
s.sendall(b"!")
received, = struct.unpack("!Q", s.recv(8, socket.MSG_WAITALL))
print(json.dumps({"bytes": got, "sent": retransmits(s), "received": received}))
