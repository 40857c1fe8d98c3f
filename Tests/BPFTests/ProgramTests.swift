// Loaded programs: what the kernel says of them, and test runs with packet and context.

import CLibBPF
import Glibc
import Testing

@testable import BPF

@Suite(.needsRoot) struct LoadedProgramTests {
    @Test("a program tells its name, type, tag and sizes")
    func info() throws {
        let object = try mapsObject()
        try object.load()
        let program = try object.program("classify")
        let info = try program.info()
        #expect(info.name == "classify")
        #expect(info.typeName == "sched_cls")
        #expect(info.tag.count == 16)
        #expect(info.translatedBytes > 0 && info.translatedBytes % 8 == 0)
        #expect(info.verifiedInstructions > 0)
        #expect(info.loadTimeNanoseconds > 0)
        let again = try BPFProgram(id: info.id)
        #expect(again.name == "classify")
        let copy = try again.duplicate()
        #expect(try copy.info().id == info.id)
    }

    @Test("the same program has the same tag, another one another")
    func tags() throws {
        let first = try mapsObject()
        try first.load()
        let second = try mapsObject()
        try second.load()
        #expect(try first.program("other").info().tag == second.program("other").info().tag)
        #expect(try first.program("other").info().tag != first.program("classify").info().tag)
    }

    @Test("a test run returns the verdict, the packet and the context as the program left them")
    func testRun() throws {
        let object = try mapsObject()
        try object.load()
        let program = try object.program("classify")
        var packet = emptyFrame
        packet[0] = 0x41
        var context = __sk_buff()
        context.mark = 1
        context.priority = 5
        let run = try program.testRun(
            packet: packet, context: withUnsafeBytes(of: context) { Array($0) })
        #expect(run.result == 3)
        #expect(run.packet.count == 64)
        #expect(run.packet[0] == 0x42)
        #expect(Array(run.packet[1...]) == Array(packet[1...]))
        let after = run.context.withUnsafeBytes { $0.loadUnaligned(as: __sk_buff.self) }
        #expect((after.mark, after.priority) == (7, 5))
    }

    @Test("a frame without room for an Ethernet header is refused")
    func tooShort() throws {
        let object = try mapsObject()
        try object.load()
        let program = try object.program("classify")
        #expect {
            _ = try program.testRun(packet: [1, 2, 3])
        } throws: {
            ($0 as? BPFError)?.errno == EINVAL
        }
    }
}
