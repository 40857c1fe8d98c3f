// The checkpoint that ipamd keeps of its allocations (ipam.json): it names pods by address. It
// knows no veth and no ENI and may run ahead or be stale: netlink decides, this only labels.

package import FoundationEssentials
package import Model

/// The pods that ipamd's checkpoint names. The shapes of amazon-vpc-cni-k8s v1.7 to v1.23 are read.
package struct Checkpoint: Hashable, Sendable {
    /// The version string of every release so far; fields were added without changing it.
    package static let version = "vpc-cni-ipam/1"
    /// Larger files are refused: a node has at most some hundred pods of about 300 bytes each.
    package static let maximumBytes = 16 << 20

    /// Address → pod. Releases before 1.11, and pods that they started, have no names here.
    package var pods: [IPAddress: ObjectName] = [:]
    /// Every allocated address, named or not.
    package var addresses: Set<IPAddress> = []

    package init() {}

    /// Why a checkpoint was not taken.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case tooLarge(bytes: Int)
        case malformed(String)
        case unknownVersion(String)

        package var description: String {
            switch self {
            case .tooLarge(let bytes):
                "\(bytes) bytes are more than the \(Checkpoint.maximumBytes) allowed"
            case .malformed(let reason): "malformed: \(reason)"
            case .unknownVersion(let version):
                "version \"\(version)\" is not \(Checkpoint.version)"
            }
        }
    }

    /// Reads one file. An entry without a usable address is left out: the others still name pods.
    ///
    /// - Throws: `Failure` when the whole can't be read; the caller keeps what it had.
    package init(json: Data) throws(Failure) {
        guard json.count <= Self.maximumBytes else { throw .tooLarge(bytes: json.count) }
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: json)
        } catch {
            throw .malformed(Self.reason(error))
        }
        guard document.version == Self.version else { throw .unknownVersion(document.version) }
        for allocation in document.allocations ?? [] {
            for text in [allocation.ipv4, allocation.ipv6] {
                guard let text, let address = IPAddress(text) else { continue }
                addresses.insert(address)
                if let pod = allocation.metadata?.k8sPodName, !pod.isEmpty,
                    let namespace = allocation.metadata?.k8sPodNamespace, !namespace.isEmpty
                {
                    pods[address] = ObjectName(namespace: namespace, name: pod)
                }
            }
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return String(describing: error) }
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        @unknown default: return String(describing: error)
        }
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
        return path.isEmpty
            ? context.debugDescription
            : "\(path.joined(separator: ".")): \(context.debugDescription)"
    }
}

/// The file's shape; what we do not use is not listed.
private struct Document: Decodable {
    struct Allocation: Decodable {
        struct Metadata: Decodable {
            var k8sPodNamespace: String?
            var k8sPodName: String?
        }

        var ipv4: String?
        var ipv6: String?
        var metadata: Metadata?
    }

    var version: String
    /// Go writes null for an empty list.
    var allocations: [Allocation]?
}
