"""Certificates and kubeconfigs of everybody in a cluster, besides those that the API-server lab makes."""

import base64
import os
import secrets
import subprocess

from .plan import SERVER

_PKI = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "setup", "apiserver", "pki")
_EXTENSIONS = "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth,serverAuth\n"


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _certificate(folder, name, subject, addresses=()):
    names = [f"DNS:{name}", *(f"IP:{address}" for address in addresses)]
    with open(f"{folder}/{name}.ext", "w", encoding="ascii") as file:
        file.write(f"{_EXTENSIONS}subjectAltName={','.join(names)}\n")
    _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
    _openssl(folder, "req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "30",
             "-set_serial", f"0x{secrets.token_hex(12)}", "-extfile", f"{name}.ext", "-out", f"{name}.crt")


def _kubeconfig(folder, name, server):
    def data(file):
        with open(f"{folder}/{file}", "rb") as read:
            return base64.b64encode(read.read()).decode()
    with open(f"{folder}/{name}.kubeconfig", "w", encoding="ascii") as file:
        file.write(f"""apiVersion: v1
kind: Config
current-context: lab
clusters: [{{name: lab, cluster: {{server: "https://{server}:6443", certificate-authority-data: {data("ca.crt")}}}}}]
users: [{{name: lab, user: {{client-certificate-data: {data(f"{name}.crt")}, client-key-data: {data(f"{name}.key")}}}}}]
contexts: [{{name: lab, context: {{cluster: lab, user: lab}}}}]
""")


def make(folder, plan):
    """Fills the folder. The administrator's kubeconfig, and those of the control plane, name 127.0.0.1: outside the control
    plane's namespace they are refused instead of reaching another machine's API server."""
    subprocess.run([_PKI, folder], check=True, capture_output=True)
    _kubeconfig(folder, "admin", "127.0.0.1")
    for name, subject in (("controller-manager", "/CN=system:kube-controller-manager"), ("scheduler", "/CN=system:kube-scheduler")):
        _certificate(folder, name, subject)
        _kubeconfig(folder, name, "127.0.0.1")
    _certificate(folder, "kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client")
    _certificate(folder, "front-proxy", "/CN=front-proxy-client")
    for name, subject in (("proxy", "/CN=system:kube-proxy"), ("flannel", "/CN=flannel")):
        _certificate(folder, name, subject)
        _kubeconfig(folder, name, SERVER[4])
    for node in plan.node_names():
        _certificate(folder, node, f"/O=system:nodes/CN=system:node:{node}", plan.node_addresses(node).values())
        _kubeconfig(folder, node, SERVER[4])
