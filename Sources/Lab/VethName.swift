// The name that the VPC CNI gives to the host's end of a pod's veth. It is not unique over time: a
// pod that comes back under the same name has the same veth name and another interface index.

/// How the CNI names host veths.
package enum VethName {
    /// `<prefix><first 11 hex digits of SHA-1("<namespace>.<pod>")>`; the default prefix is `eni`
    /// (AWS_VPC_K8S_CNI_VETHPREFIX), so that the name fits into 15 characters.
    package static func of(namespace: String, pod: String, prefix: String = "eni") -> String {
        let digest = SHA1.digest("\(namespace).\(pod)".utf8)
        let hex = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return prefix + hex.prefix(11)
    }
}
