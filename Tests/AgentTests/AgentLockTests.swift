// One agent a node: the locks that say so.

import FoundationEssentials
import Testing

@testable import Agent
@testable import HTTP

private func temporaryFolder() throws -> String {
    let path = "/tmp/needletail-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}

@Suite struct AgentLockTests {
    @Test(
        "a second agent on the same state directory is refused by its name, until the first is gone"
    )
    func state() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let directory = "\(folder)/deep/state"
        let first = try AgentLock.take(stateDirectory: directory, bpffs: "\(folder)/none")
        #expect(refusal(state: directory, bpffs: "\(folder)/none")?.contains(directory) == true)
        _ = consume first
        #expect(refusal(state: directory, bpffs: "\(folder)/none") == nil)
    }

    @Test("two agents with state of their own can't share a pin directory")
    func pins() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var first = try AgentLock.take(stateDirectory: "\(folder)/a", bpffs: folder)
        try first.takePins(folder)
        #expect(refusal(state: "\(folder)/b", bpffs: folder)?.contains(folder) == true)
        #expect(refusal(state: "\(folder)/b", bpffs: "\(folder)/other") == nil)
        _ = consume first
    }

    /// Nil when the lock could be taken; it is given back at once.
    private func refusal(state: String, bpffs: String) -> String? {
        do throws(AgentLock.Failure) {
            _ = try AgentLock.take(stateDirectory: state, bpffs: bpffs)
            return nil
        } catch {
            return error.description
        }
    }
}

@Suite struct CheckpointFileTests {
    @Test(
        "further network cards have checkpoints beside the first; temporary files do not count"
    )
    func names() {
        let counts = [
            "ipam.json", "ipam-nic-1.json", "ipam.json.tmp123", "ipam-nic-1.json.tmp", "other.json",
        ].map { CheckpointService.isCheckpoint($0, of: "ipam.json") }
        #expect(counts == [true, true, false, false, false])
    }
}

@Suite struct CleanupTests {
    @Test("cleanup is refused while an agent answers")
    func refused() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let control = "\(folder)/s"
        let server = try await ControlSocket.listen(at: control, routes: HTTPRoutes([:]))
        let serving = Task { try await server.run() }
        let cleanup = Cleanup(bpffs: "\(folder)/bpf", control: control, stateDirectory: folder)
        await #expect(throws: AgentAlive(control: control)) { try await cleanup.run() }
        serving.cancel()
        _ = await serving.result
    }
}
