// What is shown when no agent answers and nothing was left behind.

import FoundationEssentials
import Inspect
import Model
import Testing

@Suite struct AwayViewTests {
    @Test("without any pinned map the lists are empty and status says that the agent is away")
    func nothing() throws {
        let folder = "/tmp/needletail-\(UUID().uuidString)"
        let away = AwayView(bpffs: folder, stateDirectory: folder, ipamCheckpoint: nil)
        #expect(!away.isPinned)
        #expect(DocumentList<ServiceItem>(try away.view()).items.isEmpty)
        #expect(DocumentList<PodItem>(try away.view()).items.isEmpty)
        let status = try away.status()
        #expect(status.agent == "away")
        #expect(!status.isGood)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }
}
