// The hands of ManifestDirectory: which files are there, which of them must be read again, and the
// reading. What they mean is the index's business.

import Linux
import Logging
import Model

/// A directory tree of manifests as last read.
struct ManifestTree {
    let root: String
    let log: Logger
    private let report: ManifestReport
    private var index = ManifestIndex()
    /// The identity of each manifest when it was last read.
    private var identities: [String: FileIdentity] = [:]

    init(_ root: String, report: ManifestReport, log: Logger) {
        self.root = root
        self.report = report
        var log = log
        log[metadataKey: "directory"] = "\(root)"
        self.log = log
    }

    /// Reads what the events speak of: one file for one event, the whole tree where they don't
    /// tell which.
    mutating func changes(after events: [DirectoryWatch.Event]) -> [Change] {
        var paths: Set<String> = []
        for event in events {
            guard case .changed(let directory, let name) = event else { return rescan() }
            switch place(of: directory, name) {
            case .manifest(let path): paths.insert(path)
            case .somewhere: return rescan()
            case .nowhere: break
            }
        }
        return read(paths.sorted())
    }

    /// Reads every file that is new or not the one that was read last, and drops those that are
    /// gone. O(files).
    mutating func rescan() -> [Change] {
        var found: [String: FileIdentity] = [:]
        do {
            try list(root, depth: 0, into: &found)
        } catch {
            // An unreadable directory is not an empty one.
            log.error("manifest directory can't be read", metadata: ["reason": "\(error)"])
            return []
        }
        let stale = found.filter { identities[$0.key] != $0.value }.map(\.key)
        let gone = index.paths.subtracting(found.keys)
        return read((stale + gone).sorted())
    }

    private enum Place {
        case manifest(String)
        /// Anything may lead there.
        case somewhere
        case nowhere
    }

    private func place(of directory: String, _ name: String) -> Place {
        let inside = directory.dropFirst(root.count).split(separator: "/")
        // `..data` and the directories that it leads to: the atomic writer of ConfigMap volumes.
        if name.hasPrefix("..") || inside.contains(where: { $0.hasPrefix("..") }) {
            return .somewhere
        }
        if name.hasPrefix(".") || inside.contains(where: { $0.hasPrefix(".") }) { return .nowhere }
        let path = name.isEmpty ? directory : "\(directory)/\(name)"
        if ManifestText.isManifest(name), FileIdentity(path)?.isDirectory != true {
            return .manifest(path)
        }
        // A directory that came or went takes its manifests along.
        let isDirectory = FileIdentity(path)?.isDirectory == true
        let hadFiles = index.paths.contains { $0.hasPrefix(path + "/") }
        return isDirectory || hadFiles ? .somewhere : .nowhere
    }

    private func list(
        _ directory: String, depth: Int, into found: inout [String: FileIdentity]
    ) throws(KernelError) {
        guard depth < ManifestDirectory.depthLimit else { return }
        for name in try Directory.entries(directory) where !name.hasPrefix(".") {
            let path = "\(directory)/\(name)"
            guard let identity = FileIdentity(path) else { continue }
            if identity.isDirectory {
                do {
                    try list(path, depth: depth + 1, into: &found)
                } catch  where error.errno == .noEntry {
                    // Removed since its parent was listed.
                    continue
                }
            } else if identity.isRegularFile, ManifestText.isManifest(name) {
                found[path] = identity
            }
        }
    }

    private mutating func read(_ paths: [String]) -> [Change] {
        var changes: [Change] = []
        var removed: [String] = []
        for path in paths {
            // Before reading: if the file changes meanwhile, it is not taken for read.
            let identity = FileIdentity(path)
            identities[path] = identity
            guard identity?.isRegularFile == true else {
                removed.append(path)
                continue
            }
            do {
                changes += index.update(path, .contents(try File.read(path)))
            } catch {
                if error.errno == .noEntry {
                    removed.append(path)
                } else {
                    changes += index.update(path, .unreadable(reason: "\(error)"))
                }
            }
            for object in index.ignored(in: path) {
                log.debug(
                    "not read by a node", metadata: ["file": "\(path)", "object": "\(object)"])
            }
        }
        // Last, so that an object whose file was renamed never seems to be gone.
        for path in removed { changes += index.update(path, .removed) }
        for refusal in report.replace(index.refusals) {
            log.warning(
                "manifest refused",
                metadata: [
                    "file": "\(refusal.file)", "object": "\(refusal.object)",
                    "reason": "\(refusal.reason)",
                ])
        }
        return changes
    }
}
