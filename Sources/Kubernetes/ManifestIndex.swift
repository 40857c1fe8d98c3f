// Which object is in which file, and what the files say together: contents in, Changes out. Pure;
// whoever feeds it decides when a file is to be read.
//
// Refused is not removed: an object that is malformed, and every object of a file that can't be
// parsed, keeps its last good state. A file that is gone takes its objects along.

package import Model

/// Something in the manifests that does not count, and why.
package struct ManifestRefusal: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// As it was given to the index.
    package var file: String
    /// `Service default/web`, `document 2`, or empty for the whole file.
    package var object: String
    package var reason: String

    package init(file: String, object: String, reason: String) {
        self.file = file
        self.object = object
        self.reason = reason
    }

    package var description: String {
        "\(file): \(object.isEmpty ? "" : "\(object): ")\(reason)"
    }

    package static func < (a: ManifestRefusal, b: ManifestRefusal) -> Bool {
        (a.file, a.object, a.reason) < (b.file, b.object, b.reason)
    }
}

/// What became of a file.
package enum ManifestFileState: Sendable {
    case contents([UInt8])
    case unreadable(reason: String)
    case removed
}

/// The sum of all files.
package struct ManifestIndex: Sendable {
    private struct File {
        var objects: [ObjectKey: ObjectState] = [:]
        var refusals: [ManifestRefusal] = []
        var ignored: [String] = []
    }

    private var files: [String: File] = [:]
    /// Every file that has a good state of the object.
    private var holders: [ObjectKey: Set<String>] = [:]
    /// Objects that several files have.
    private var contested: Set<ObjectKey> = []

    package init() {}

    /// Takes one file's new state; returns what that changes. O(objects of the file).
    package mutating func update(_ path: String, _ state: ManifestFileState) -> [Change] {
        let old = files[path] ?? File()
        var new = File()
        switch state {
        case .removed: break
        case .unreadable(let reason): new = Self.keeping(old, reason, path)
        case .contents(let bytes):
            do throws(UnparsableText) {
                new = Self.read(try ManifestText.parse(bytes, path: path), path, last: old)
            } catch {
                new = Self.keeping(old, error.reason, path)
            }
        }

        let keys = Set(old.objects.keys).union(new.objects.keys)
        let before = keys.map { ($0, effective($0)) }
        if case .removed = state { files[path] = nil } else { files[path] = new }
        for key in keys {
            if new.objects[key] != nil {
                holders[key, default: []].insert(path)
            } else {
                holders[key]?.remove(path)
                if holders[key]?.isEmpty == true { holders[key] = nil }
            }
            if holders[key, default: []].count > 1 {
                contested.insert(key)
            } else {
                contested.remove(key)
            }
        }
        return before.compactMap { key, state in
            let now = effective(key)
            return now == state ? nil : Self.change(key, now)
        }
    }

    /// Everything that doesn't count, sorted: what is malformed, and what another file has said
    /// before. O(files + objects in several files).
    package var refusals: [ManifestRefusal] {
        let shadowed = contested.flatMap { key in
            let paths = holders[key] ?? []
            let winner = paths.min() ?? ""
            return paths.filter { $0 != winner }.map {
                ManifestRefusal(file: $0, object: "\(key)", reason: "already in \(winner)")
            }
        }
        return (files.values.flatMap(\.refusals) + shadowed).sorted()
    }

    /// Objects of kinds that a node doesn't read, by file.
    package func ignored(in path: String) -> [String] { files[path]?.ignored ?? [] }

    /// The paths of all files that were given and not removed.
    package var paths: Set<String> { Set(files.keys) }

    // MARK: -

    /// The first path in sorting order speaks.
    private func effective(_ key: ObjectKey) -> ObjectState? {
        guard let path = holders[key]?.min() else { return nil }
        return files[path]?.objects[key]
    }

    private static func keeping(_ old: File, _ reason: String, _ path: String) -> File {
        var file = old
        file.refusals = [ManifestRefusal(file: path, object: "", reason: reason)]
        return file
    }

    private static func read(_ objects: [ManifestObject], _ path: String, last: File) -> File {
        var file = File()
        var seen: Set<ObjectKey> = []
        func refuse(_ object: String, _ reason: String) {
            file.refusals.append(ManifestRefusal(file: path, object: object, reason: reason))
        }
        for object in objects {
            switch object {
            case .good(let key, let state):
                if seen.insert(key).inserted {
                    file.objects[key] = state
                } else {
                    refuse("\(key)", "already in this file")
                }
            case .refused(let key, let reason):
                if seen.insert(key).inserted { file.objects[key] = last.objects[key] }
                refuse("\(key)", reason)
            case .nameless(let description, let reason): refuse(description, reason)
            case .ignored(let description): file.ignored.append(description)
            }
        }
        return file
    }

    private static func change(_ key: ObjectKey, _ state: ObjectState?) -> Change? {
        switch (key, state) {
        case (.service(let name), .service(let service)): .service(name, service)
        case (.service(let name), nil): .service(name, nil)
        case (.endpointSlice(let name), .endpointSlice(let slice)): .endpointSlice(name, slice)
        case (.endpointSlice(let name), nil): .endpointSlice(name, nil)
        case (.node(let name), .node(let node)): .node(name, node)
        case (.node(let name), nil): .node(name, nil)
        case (.serviceCIDR(let name), .serviceCIDR(let cidr)): .serviceCIDR(name, cidr)
        case (.serviceCIDR(let name), nil): .serviceCIDR(name, nil)
        default: nil
        }
    }
}
