"""Certificates of the double: the right one, and three that no client may trust."""

import os
import subprocess

_PKI = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "setup", "apiserver", "pki")


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make(folder):
    """(path of the CA, {name: (certificate, key)})"""
    for authority in ("right", "other"):
        subprocess.run([_PKI, f"{folder}/{authority}"], check=True, capture_output=True)
    right = f"{folder}/right"
    with open(f"{right}/name.ext", "w", encoding="ascii") as file:
        file.write("extendedKeyUsage=serverAuth\nsubjectAltName=DNS:somebody.invalid,IP:172.30.0.99\n")
    sign = ["x509", "-req", "-in", "apiserver.csr", "-CA", "ca.crt", "-CAkey", "ca.key"]
    _openssl(right, *sign, "-set_serial", "0x1001", "-days", "30", "-extfile", "name.ext", "-out", "name.crt")
    _openssl(right, *sign, "-set_serial", "0x1002", "-days", "-1", "-extfile", "apiserver.ext", "-out", "expired.crt")
    key = f"{right}/apiserver.key"
    return f"{right}/ca.crt", {"good": (f"{right}/apiserver.crt", key), "name": (f"{right}/name.crt", key),
                               "expired": (f"{right}/expired.crt", key),
                               "authority": (f"{folder}/other/apiserver.crt", f"{folder}/other/apiserver.key")}
