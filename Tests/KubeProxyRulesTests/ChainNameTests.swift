// Names and numbers that kube-proxy's rules are made of, against published vectors and against
// what a real kube-proxy 1.36.2 wrote.

import Model
import Testing

@testable import KubeProxyRules

@Suite struct ChainNameTests {
    @Test(
        "SHA-256 agrees with FIPS 180-4's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func digest(message: String, expected: String) {
        let hex = sha256(message.utf8).map { octet in
            let digits = String(octet, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        #expect(hex.joined() == expected)
    }

    @Test(
        "base32 agrees with RFC 4648's examples, without padding",
        arguments: [
            ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI"),
        ])
    func encoding(text: String, expected: String) {
        #expect(base32(text.utf8) == expected)
    }

    @Test("chains of a port share one hash of name and protocol")
    func portChains() {
        let chains = PortChains(name: "shop/lb-ranges", protocol: "tcp")
        #expect(chains.cluster == "KUBE-SVC-DQMF54LKPAANC7RZ")
        #expect(chains.external == "KUBE-EXT-DQMF54LKPAANC7RZ")
        #expect(chains.firewall == "KUBE-FW-DQMF54LKPAANC7RZ")
        #expect(chains.local == "KUBE-SVL-DQMF54LKPAANC7RZ")
    }

    @Test("a backend's chain is named after service port, protocol and address of either family")
    func backendChains() {
        #expect(
            backendChain(name: "shop/lb:https", protocol: "tcp", backend: "10.0.84.40:8443")
                == "KUBE-SEP-LXGZXAHL5F5U7HC3")
        #expect(
            backendChain(name: "shop/dual", protocol: "tcp", backend: "[2a05:d018:1:1::77]:8080")
                == "KUBE-SEP-4BEELYPTOJEUJOH4")
    }

    @Test(
        "a probability reads as the kernel keeps and iptables-save prints it",
        arguments: [
            (2, "0.50000000000"), (3, "0.33333333349"), (4, "0.25000000000"), (5, "0.20000000019"),
            (7, "0.14285714272"), (11, "0.09090909082"), (12, "0.08333333349"),
            (17, "0.05882352963"),
        ])
    func probabilities(n: Int, expected: String) {
        #expect(probability(oneOf: n) == expected)
    }
}
