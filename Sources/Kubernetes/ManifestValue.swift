// The tree that a manifest's text makes, YAML or JSON alike. It knows no kinds; numbers stay text
// until a field says which range it takes.

/// A node of the tree.
enum ManifestValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// As written: `80`, `-1`, `1.5e3`.
    case number(String)
    case string(String)
    case list([ManifestValue])
    case map([String: ManifestValue])

    /// What an error message calls it.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .list: "a list"
        case .map: "an object"
        }
    }
}

/// Bounds of one file; beyond them it counts as unparsable.
enum ManifestLimit {
    /// Bytes of one file. A LIST of 10,000 Services with their slices has about 20 MB.
    static let fileSize = 64 << 20
    /// Values of one file with aliases written out: a few lines of YAML can stand for millions.
    static let values = 8_000_000
    /// Levels of lists and objects within each other. Kubernetes' objects have about ten.
    static let depth = 100
}

/// Why a whole file can't be read.
struct UnparsableText: Error, Hashable, Sendable {
    var reason: String
}
