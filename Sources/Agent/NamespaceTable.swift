// What is known of the network namespaces in a directory. A name may come before its namespace is
// mounted on it, and the namespace before its address: young ones are looked at again and again.

import Linux
import Model

/// The namespaces of one directory, by name.
struct NamespaceTable {
    struct Changes {
        /// Cookies with the addresses that are new.
        var found: [(cookie: UInt64, addresses: [IPAddress])] = []
        /// Some are gone.
        var hasLost = false
    }

    private struct Entry {
        var identity: FileIdentity
        var cookie: UInt64?
        var addresses: [IPAddress] = []
        var looks = 0

        /// Nothing more is expected of it.
        var isSettled: Bool {
            addresses.count == IPFamily.allCases.count
                || !addresses.isEmpty && looks >= NamespaceService.furtherLooks
        }

        /// An address may come any moment.
        var isSettingUp: Bool { !isSettled && looks < NamespaceService.setupLooks }
    }

    let directory: String
    private var entries: [String: Entry] = [:]
    /// What an earlier agent wrote and no longer exists is forgotten at the first look.
    private var isFirst = true

    init(directory: String) { self.directory = directory }

    /// Of all namespaces that gave an address.
    var cookies: Set<UInt64> {
        Set(entries.values.filter { !$0.addresses.isEmpty }.compactMap(\.cookie))
    }

    var isSettingUp: Bool { entries.values.contains(where: \.isSettingUp) }

    /// Reads the directory and asks those that are not settled. O(names), and two threads for each
    /// that is asked.
    mutating func look() async -> Changes {
        var changes = Changes(hasLost: isFirst)
        isFirst = false
        let names = Set((try? Directory.entries(directory)) ?? [])
        for name in entries.keys where !names.contains(name) {
            entries[name] = nil
            changes.hasLost = true
        }
        for name in names.sorted() {
            guard let identity = FileIdentity("\(directory)/\(name)") else { continue }
            var entry = entries[name] ?? Entry(identity: identity)
            if entry.identity != identity {
                changes.hasLost = changes.hasLost || entry.cookie != nil
                entry = Entry(identity: identity)
            }
            if !entry.isSettled {
                entry.looks += 1
                if let found = await Self.ask("\(directory)/\(name)") {
                    entry.cookie = found.cookie
                    if entry.addresses != found.addresses { changes.found.append(found) }
                    entry.addresses = found.addresses
                }
            }
            entries[name] = entry
        }
        return changes
    }

    /// Nil for a name without a namespace, or one that goes meanwhile: the next look tells.
    private static func ask(_ path: String) async -> (cookie: UInt64, addresses: [IPAddress])? {
        try? await DedicatedThread.perform {
            let namespace = try NetworkNamespace(opening: path)
            let addresses = try namespace.sourceAddresses().compactMap { IPAddress(octets: $0) }
            return (try namespace.cookie(), addresses)
        }
    }
}
