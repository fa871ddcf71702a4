"""A TLS connection with itself, through memory."""

import ssl

server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
server.load_cert_chain("certificate.pem")
client.load_verify_locations("certificate.pem")
there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
one, two = server.wrap_bio(there, back, server_side=True), client.wrap_bio(back, there, server_hostname="localhost")
done = set()
for _ in range(20):
    for side in (two, one):
        try:
            side.do_handshake()
            done.add(side)
        except ssl.SSLWantReadError:
            pass
    if len(done) == 2:
        break
two.write(b"hello through TLS")
print(one.read(100), one.version(), two.getpeercert()["subject"], len(ssl.RAND_bytes(16)))
