// A file's bytes → its objects. The name decides the language: `.json` is JSON, the rest YAML.

/// The text of one manifest file.
enum ManifestText {
    /// Whether a file of this name is a manifest at all; dot files never are.
    static func isManifest(_ name: String) -> Bool {
        !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
    }

    /// All objects, in order. Empty for an empty file.
    static func parse(_ bytes: [UInt8], path: String) throws(UnparsableText) -> [ManifestObject] {
        guard bytes.count <= ManifestLimit.fileSize else {
            throw UnparsableText(reason: "larger than \(ManifestLimit.fileSize >> 20) MiB")
        }
        let documents: [ManifestValue]
        if path.hasSuffix(".json") {
            let isBlank = bytes.allSatisfy { [9, 10, 13, 32].contains($0) }
            documents = isBlank ? [] : [try JSONText.parse(bytes)]
        } else {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw UnparsableText(reason: "no UTF-8 text")
            }
            documents = try YAMLText.parse(text)
        }
        return documents.enumerated().flatMap {
            ManifestObject.read($1, description: "document \($0 + 1)")
        }
    }
}
