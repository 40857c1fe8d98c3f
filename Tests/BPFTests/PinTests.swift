// Pins: what one process leaves, the next one finds, and nobody mistakes one thing for another.
// "The next process" is a second object or value here; the kernel cannot tell the difference.

import Glibc
import Testing

@testable import BPF

@Suite(.needsRoot) struct PinTests {
    @Test("a pinned map is taken over with its entries, and both sides write to it")
    func adoption() throws {
        let folder = try PrivateBPFFS()
        let path = "\(folder.path)/things"
        func firstProcess() throws {
            let object = try mapsObject()
            try object.pinMap("things", at: path)
            try object.load()
            try object.map("things", key: UInt32.self, value: Thing.self)
                .update(0, Thing(count: 5, color: 6, size: 7))
        }
        try firstProcess()
        #expect(Pin.exists(path))

        let object = try mapsObject()
        try object.pinMap("things", at: path)
        try object.load()
        _ = try object.program("classify").testRun(packet: emptyFrame)
        let map: BPFMap<UInt32, Thing> = try BPFMap(pinned: path)
        #expect(try map.lookup(0) == Thing(count: 6, color: 6, size: 7))
        #expect(try Pin.remove(path))
        #expect(try !Pin.remove(path))
    }

    @Test("a pinned map of another shape is refused by name before anything is loaded")
    func incompatible() throws {
        let folder = try PrivateBPFFS()
        let path = "\(folder.path)/things"
        let other: BPFMap<UInt32, UInt64> = try BPFMap(
            creating: .hash, name: "things", maxEntries: 1024)
        try other.pin(at: path)
        let object = try mapsObject()
        try object.pinMap("things", at: path)
        #expect(
            throws: BPFError.mismatch(
                subject: "map things pinned at \(path)", property: "value size", wanted: "16",
                found: "8")
        ) {
            try object.load()
        }
    }

    @Test("a pinned map of another size is refused unless that size is asked for")
    func anotherSize() throws {
        let folder = try PrivateBPFFS()
        let path = "\(folder.path)/things"
        func load(maxEntries: UInt32?) throws {
            let object = try mapsObject()
            if let maxEntries { try object.setMaxEntries(map: "things", maxEntries) }
            try object.pinMap("things", at: path)
            try object.load()
        }
        try load(maxEntries: 50)
        #expect(
            throws: BPFError.mismatch(
                subject: "map things pinned at \(path)", property: "max entries", wanted: "1024",
                found: "50")
        ) {
            try load(maxEntries: nil)
        }
        try load(maxEntries: 50)
    }

    @Test("an object can use a map that another one has loaded")
    func sharing() throws {
        let first = try mapsObject()
        try first.load()
        let things: BPFMap<UInt32, Thing> = try first.map("things")
        try things.update(0, Thing())
        let second = try mapsObject()
        try second.useMap("things", things)
        try second.load()
        _ = try second.program("classify").testRun(packet: emptyFrame, repetitions: 4)
        #expect(try things.lookup(0)?.count == 4)

        let alien: BPFMap<UInt32, UInt64> = try BPFMap(
            creating: .hash, name: "alien", maxEntries: 1024)
        let third = try mapsObject()
        #expect(
            throws: BPFError.mismatch(
                subject: "map things", property: "value size", wanted: "16", found: "8")
        ) {
            try third.useMap("things", alien)
        }
    }

    @Test("a pinned program is found again, and a pin holds what it holds")
    func programs() throws {
        let folder = try PrivateBPFFS()
        let path = "\(folder.path)/classify"
        func firstProcess() throws -> ProgramInfo {
            let object = try mapsObject()
            try object.load()
            let program = try object.program("classify")
            try program.pin(at: path)
            return try program.info()
        }
        let info = try firstProcess()
        let program = try BPFProgram(pinned: path)
        #expect(try program.info() == info)
        #expect(throws: BPFError.self) { _ = try BPFLink(pinned: path) }
        #expect {
            _ = try BPFMap<UInt32, Thing>(pinned: path)
        } throws: { error in
            guard case .mismatch(path, "what is pinned", "a BPF map", _) = error as? BPFError else {
                return false
            }
            return true
        }
        #expect { _ = try BPFProgram(pinned: path + "-absent") } throws: {
            ($0 as? BPFError)?.errno == ENOENT
        }
    }
}
