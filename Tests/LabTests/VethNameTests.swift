// The names that the VPC CNI gives to veths, against its own test vectors, and SHA-1 against
// FIPS 180's.

import Testing

@testable import Lab

@Suite("Veth names")
struct VethNameTests {
    @Test(
        "a veth is named by the hash of its pod's namespace and name",
        arguments: [
            ("kube-system", "coredns-57ff979f67-qqbdh", "enib5faff8a083"),
            ("default", "worker-hello-5d9b798f74-2gnkc", "eni6a241e7f902"),
            ("default", "frontend-c894f7bb7-xnx2n", "enife6ba1a7e11"),
        ])
    func names(namespace: String, pod: String, expected: String) {
        #expect(VethName.of(namespace: namespace, pod: pod) == expected)
    }

    @Test(
        "SHA-1 pads messages of every length to whole blocks",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
            (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
        ])
    func digests(message: String, expected: String) {
        let hex = SHA1.digest(message.utf8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        #expect(hex.joined() == expected)
    }
}
