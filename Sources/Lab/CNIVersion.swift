// Versions of the VPC CNI that the lab can pretend to be. Which shape ipamd's answers have depends
// on this; what the CNI programs into the kernel has been the same since 1.13.

/// A release of amazon-vpc-cni-k8s, `1.23` or `1.20.3`.
package struct CNIVersion: Hashable, Sendable, Comparable, LosslessStringConvertible {
    package let major: Int
    package let minor: Int
    package let patch: Int

    package init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    /// Reads two or three decimal numbers with dots, with or without a leading `v`.
    package init?(_ text: String) {
        let digits = text.hasPrefix("v") ? text.dropFirst() : text[...]
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard (2...3).contains(parts.count), let major = parts[0], let minor = parts[1] else {
            return nil
        }
        guard let patch = parts.count == 3 ? parts[2] : 0 else { return nil }
        self.init(major, minor, patch)
    }

    package var description: String {
        patch == 0 ? "\(major).\(minor)" : "\(major).\(minor).\(patch)"
    }

    package static func < (a: CNIVersion, b: CNIVersion) -> Bool {
        (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
    }

    /// The oldest whose answers the lab imitates: from here on allocations carry pod names.
    package static let oldest = CNIVersion(1, 11)
}
