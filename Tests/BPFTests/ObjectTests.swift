// Objects: opening, constants by name, sizes, leaving programs out, loading, and what the verifier
// says. The C side is in bpf/programs.

import Glibc
import Testing

@testable import BPF

/// As the C side declares it in maps.bpf.c.
struct Thing: Equatable, BitwiseCopyable, Sendable {
    var count: UInt64 = 0
    var color: UInt32 = 0
    var size: UInt32 = 0
}

/// An Ethernet frame of 64 zero bytes: enough for a test run, of no protocol.
let emptyFrame = [UInt8](repeating: 0, count: 64)

func mapsObject() throws -> BPFObject {
    try BPFObject(base64: MapsObject.base64, name: MapsObject.name)
}

@Suite(.needsRoot) struct ObjectTests {
    @Test("an object knows its maps and programs, without those that the compiler made")
    func names() throws {
        let object = try mapsObject()
        let maps = object.mapNames
        let programs = object.programNames
        #expect(Set(maps) == ["things", "counts", "prefixes", "seen_generation"])
        #expect(Set(programs) == ["classify", "other"])
    }

    @Test("what is no object is refused with libbpf's words")
    func garbage() {
        #expect {
            _ = try BPFObject(bytes: [1, 2, 3], name: "garbage")
        } throws: { error in
            guard case .system(let operation, let subject, _, let detail) = error as? BPFError
            else {
                return false
            }
            return operation == "bpf_object__open_mem" && subject == "object garbage"
                && detail.contains("not a proper ELF object")
        }
    }

    @Test("a program sees the constants that were set, and the C source's where none was")
    func constants() throws {
        let object = try mapsObject()
        try object.setConstant("loud", true)
        try object.setConstant("generation", UInt64(0x1_0000_0002))
        try object.load()
        let run = try object.program("classify").testRun(packet: emptyFrame)
        #expect(run.result == 103)
        let seen = try object.map("seen_generation", key: UInt32.self, value: UInt64.self).lookup(0)
        #expect(seen == 0x1_0000_0002)
    }

    @Test("a constant of another size is refused by name, and so is one that is not there")
    func wrongConstants() throws {
        let object = try mapsObject()
        #expect(
            throws: BPFError.mismatch(
                subject: "constant limit in object maps", property: "size", wanted: "8", found: "4")
        ) {
            try object.setConstant("limit", UInt64(1))
        }
        #expect(throws: BPFError.missing("constant absent in object maps")) {
            try object.setConstant("absent", UInt32(1))
        }
    }

    @Test("a program that is left out is not loaded")
    func leftOut() throws {
        let object = try mapsObject()
        try object.leaveOut(program: "other")
        try object.load()
        #expect(throws: BPFError.missing("loaded program other in object maps")) {
            _ = try object.program("other")
        }
        let name = try object.program("classify").name
        #expect(name == "classify")
    }

    @Test("a map gets the size that was asked for")
    func maxEntries() throws {
        let object = try mapsObject()
        try object.setMaxEntries(map: "things", 77)
        try object.load()
        let info = try object.map("things", key: UInt32.self, value: Thing.self).info
        #expect(info.maxEntries == 77)
    }

    @Test("a map whose sizes differ from the Swift types is refused by name")
    func mapSizes() throws {
        let object = try mapsObject()
        try object.load()
        #expect(
            throws: BPFError.mismatch(
                subject: "map things as UInt64", property: "value size", wanted: "8", found: "16")
        ) {
            _ = try object.map("things", key: UInt32.self, value: UInt64.self)
        }
        #expect(
            throws: BPFError.mismatch(
                subject: "map things as UInt16", property: "key size", wanted: "2", found: "4")
        ) {
            _ = try object.map("things", key: UInt16.self, value: Thing.self)
        }
    }

    @Test("a per-CPU map is no map of single values, nor the other way round")
    func perCPUMismatch() throws {
        let object = try mapsObject()
        try object.load()
        #expect(throws: BPFError.self) {
            _ = try object.map("counts", key: UInt32.self, value: UInt64.self)
        }
        #expect(throws: BPFError.self) {
            _ = try object.perCPUMap("things", key: UInt32.self, value: Thing.self)
        }
    }

    @Test("a refused program is named, with the line that says why and the whole log")
    func refused() throws {
        let object = try BPFObject(base64: RefusedObject.base64, name: "refused")
        #expect {
            try object.load()
        } throws: { error in
            guard case .rejected(let error) = error as? BPFError else { return false }
            #expect(error.program == "careless")
            #expect(error.errno == EACCES)
            #expect(error.lastUsefulLine.contains("outside of the packet"))
            #expect(error.log.contains("processed"))
            #expect(error.description.contains("careless"))
            return true
        }
    }

    @Test("what a program lacks in this kernel is named in libbpf's words")
    func lacking() throws {
        let object = try BPFObject(base64: TeleportObject.base64, name: "teleport")
        #expect {
            try object.load()
        } throws: { error in
            guard
                case .system("bpf_object__load", "object teleport", _, let detail) =
                    error as? BPFError
            else { return false }
            return detail.contains("bpf_teleport")
        }
    }

    @Test("an object is loaded once")
    func once() throws {
        let object = try mapsObject()
        try object.load()
        #expect { try object.load() } throws: { ($0 as? BPFError)?.errno == EINVAL }
        #expect { try object.setConstant("limit", UInt32(1)) } throws: {
            ($0 as? BPFError)?.errno == EINVAL
        }
    }

    @Test("without the refused program the rest of the object loads")
    func refusedLeftOut() throws {
        let object = try BPFObject(base64: RefusedObject.base64, name: "refused")
        try object.leaveOut(program: "careless")
        try object.load()
        let result = try object.program("fine").testRun(packet: emptyFrame).result
        #expect(result == 0)
    }
}

@Suite struct VerifierErrorTests {
    @Test("statistics and blank lines at the log's end are not the reason")
    func reason() {
        let log = """
            0: (61) r2 = *(u32 *)(r1 +76)
            invalid access to packet, off=20 size=1, R2(id=0,off=20,r=0)
            R2 offset is outside of the packet
            verification time 57 usec
            stack depth 0
            processed 2 insns (limit 1000000) max_states_per_insn 0

            """
        let error = VerifierError(program: "p", errno: EACCES, log: log)
        #expect(error.lastUsefulLine == "R2 offset is outside of the packet")
        #expect(VerifierError(program: "p", errno: EACCES, log: "").lastUsefulLine == "")
    }
}

@Suite struct Base64Tests {
    @Test("text of every length modulo three decodes")
    func lengths() {
        #expect(decodeBase64("") == [])
        #expect(decodeBase64("+A==") == [0xf8])
        #expect(decodeBase64("+/A=") == [0xfb, 0xf0])
        #expect(decodeBase64("AP9/") == [0x00, 0xff, 0x7f])
        #expect(decodeBase64("TmVlZGxldGFpbA==") == Array("Needletail".utf8))
    }
}
