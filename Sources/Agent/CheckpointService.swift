// ipamd's checkpoint gives pods their names. It is renamed into place at each change, so the folder
// is watched; a folder that is not there yet (the CNI has not started) is looked for now and then.

import FoundationEssentials
import IPAM
import Linux
import Logging
import Model
import ServiceLifecycle

/// Reads the checkpoint and those of further network cards beside it.
struct CheckpointService: ServiceLifecycle.Service {
    static let retryInterval = Duration.seconds(5)

    let path: String
    let state: AgentState
    let log: Logger

    func run() async throws {
        let (folder, file) = Self.split(path)
        try await untilShutdown {
            var complaint = ""
            while !Task.isCancelled {
                do {
                    let watch = try DirectoryWatch(folder, recursive: false)
                    await read(folder, file)
                    for try await events in watch where Self.concerns(events, file) {
                        if events.contains(.directoryGone(folder)) { break }
                        await read(folder, file)
                    }
                } catch {
                    if complaint != "\(error)" {
                        complaint = "\(error)"
                        log.debug("The checkpoint's folder can't be watched.", error: error)
                    }
                }
                try? await Task.sleep(for: Self.retryInterval)
            }
        }
    }

    private func read(_ folder: String, _ file: String) async {
        var names: [IPAddress: ObjectName] = [:]
        for name in (try? Directory.entries(folder)) ?? [] where Self.isCheckpoint(name, of: file) {
            do {
                let bytes = try File.read("\(folder)/\(name)")
                names.merge(try Checkpoint(json: Data(bytes)).pods) { first, _ in first }
            } catch {
                log.warning(
                    "The checkpoint can't be read; pods keep the names they had.", error: error,
                    metadata: ["file": "\(folder)/\(name)"])
                return
            }
        }
        await state.setPodNames(names)
    }

    private static func concerns(_ events: [DirectoryWatch.Event], _ file: String) -> Bool {
        events.contains { event in
            if case .changed(_, let name) = event { isCheckpoint(name, of: file) } else { true }
        }
    }

    /// `ipam.json` and, for network card n, `ipam-nic-n.json` (amazon-vpc-cni-k8s v1.20).
    static func isCheckpoint(_ name: String, of file: String) -> Bool {
        guard let dot = file.lastIndex(of: ".") else { return name == file }
        return name == file
            || name.hasPrefix(file[..<dot] + "-nic-") && name.hasSuffix(file[dot...])
    }

    private static func split(_ path: String) -> (folder: String, file: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }
}
