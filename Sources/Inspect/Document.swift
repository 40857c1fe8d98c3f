// The envelope of every JSON document that the agent serves and `-o json` prints. Keys are
// lowerCamelCase and a contract for scripts: fields may be added, never renamed.

package import FoundationEssentials

/// `needletail/v1`
package let documentVersion = "needletail/v1"

/// What can be shown: as a document for scripts and as a table for people.
package protocol Document: Codable, Sendable, Equatable {
    /// As people read it.
    var table: String { get }
}

/// A list of one kind of things.
package struct DocumentList<Item: DocumentItem>: Document {
    package var apiVersion = documentVersion
    package var kind = "\(Item.kind)List"
    package var items: [Item]

    package init(_ items: [Item]) { self.items = items }

    package var table: String {
        TextTable(columns: Item.columns, rows: items.flatMap(\.rows)).text
    }
}

/// One item of a list, and its rows in a table.
package protocol DocumentItem: Codable, Sendable, Equatable {
    static var kind: String { get }
    /// The headers, in capitals.
    static var columns: [String] { get }
    /// One row or more, each as long as `columns`.
    var rows: [[String]] { get }
}

extension Document {
    /// Indented, keys sorted, with a line feed at the end: the same document is the same text.
    package var json: Data {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            var data = try encoder.encode(self)
            data.append(UInt8(ascii: "\n"))
            return data
        }
    }

    /// - Throws: `DecodingError` when the text is no such document.
    package init(json: Data) throws {
        self = try JSONDecoder().decode(Self.self, from: json)
    }
}
