// What no kernel has is reported with the release that would bring it; and libbpf's words reach the
// error that they explain. That probes find what kernels have is LoadTests' matter.

import Synchronization
import Testing

@testable import BPF

@Suite(.needsRoot) struct FeatureTests {
    @Test("a kernel function is found by name, and one that nobody has is unsupported")
    func kernelFunctions() throws {
        let absent = Feature.kernelFunction("bpf_teleport", since: "9.9")
        #expect(try !absent.isSupported())
        #expect(throws: BPFError.unsupported(absent, since: "9.9")) { try absent.require() }
        // Part of the nf_conntrack module on most kernels.
        for feature in [Feature.skbConntrackLookup, .xdpConntrackLookup] {
            #expect(try feature.isSupported(), "\(feature)")
        }
    }

    @Test("on a kernel without tcx a link says so, in words")
    func tcxRefusal() {
        let error = BPFError.unsupported(.tcx, since: Feature.tcx.since)
        #expect(error.description == "this kernel has no tcx hook (it came with Linux 6.6)")
        #expect(error.errno == nil)
    }
}

@Suite(.needsRoot) struct LibraryLogTests {
    @Test("warnings that an error explains travel with the error, not to the handler")
    func gathering() {
        let (result, warnings) = LibraryLog.gathering { () -> Int in
            libraryMessage(0, "libbpf: first thing\n")
            libraryMessage(2, "libbpf: chatter\n")
            libraryMessage(0, "libbpf: second thing\n")
            return 5
        }
        #expect(result == 5)
        #expect(warnings == "first thing; second thing")
    }

    @Test("what no error carries goes to the handler, with its level")
    func handler() {
        let heard = Mutex<[String]>([])
        LibraryLog.setHandler { level, message in
            // Other tests' messages come here, too.
            if message.hasPrefix("only here") {
                heard.withLock { $0.append("\(level) \(message)") }
            }
        }
        libraryMessage(0, "libbpf: only here, loud\n")
        _ = LibraryLog.gathering { libraryMessage(1, "libbpf: only here, soft\n") }
        LibraryLog.setHandler { _, _ in }
        libraryMessage(0, "libbpf: only here, too late\n")
        #expect(heard.withLock { $0 } == ["warning only here, loud", "info only here, soft"])
    }
}
