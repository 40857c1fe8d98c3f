// What the router dropped so far, read back from nft's sets with one fork.

import FoundationEssentials
package import Model

/// The router's drops, by reason and culprit.
package struct RouterCounters: Hashable, Sendable {
    /// Packets of one kind, from one leg, from one address to another.
    package struct Entry: Hashable, Sendable {
        package let drop: RouterDrop
        /// The leg that they came from, e.g. `node1-ens6`.
        package let leg: String
        package let source: IPAddress
        package let destination: IPAddress
        package let packets: Int
    }

    package let entries: [Entry]

    /// Packets dropped for a reason.
    package func packets(_ drop: RouterDrop) -> Int {
        entries.filter { $0.drop == drop }.reduce(0) { $0 + $1.packets }
    }

    /// From the output of `nft -j list table inet vpc`.
    init(nftJSON text: String, path: String = "nft -j") throws(LabError) {
        let root: Root
        do {
            root = try JSONDecoder().decode(Root.self, from: Data(text.utf8))
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
        var entries: [Entry] = []
        for set in root.nftables.compactMap(\.set) {
            guard
                let drop = RouterDrop.allCases.first(where: { drop in
                    IPFamily.allCases.contains { drop.setName($0) == set.name }
                })
            else { continue }
            for element in set.elem ?? [] {
                guard case .counted(let counted) = element, counted.val.concat.count == 3,
                    let source = IPAddress(counted.val.concat[1]),
                    let destination = IPAddress(counted.val.concat[2])
                else { throw .damaged(path: path, reason: "set \(set.name) has another shape") }
                entries.append(
                    Entry(
                        drop: drop, leg: counted.val.concat[0], source: source,
                        destination: destination, packets: counted.counter.packets))
            }
        }
        self.entries = entries
    }

    private struct Root: Decodable { var nftables: [Item] }
    private struct Item: Decodable { var set: Culprits? }
    private struct Culprits: Decodable {
        var name: String
        var elem: [Element]?
    }
    private enum Element: Decodable {
        case counted(Counted)
        /// The elements of plain sets, which hold no drops.
        case other

        init(from decoder: any Decoder) throws {
            guard let container = try? decoder.container(keyedBy: Key.self) else {
                self = .other
                return
            }
            self = .counted(try container.decode(Counted.self, forKey: .elem))
        }

        enum Key: String, CodingKey { case elem }
    }
    private struct Counted: Decodable {
        var val: Tuple
        var counter: Counter
    }
    private struct Tuple: Decodable { var concat: [String] }
    private struct Counter: Decodable { var packets: Int }
}
