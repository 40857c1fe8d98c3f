// Loading: maps are created or taken over from their pins, programs go through the verifier.
// Pins are compared by us first, since libbpf would only say EINVAL; the verifier's log is kept per
// program, so that the error names the right one.

import CLibBPF
import Glibc
import Linux

extension BPFObject {
    /// Room for one program's verifier log: the most that kernels before 5.2 take, and for libbpf.
    /// Only touched pages cost memory, and only for the length of the call.
    private static var logBytes: Int { (1 << 24) - 1 }

    /// Creates the maps and loads the programs. Takes milliseconds; complex programs up to a
    /// second.
    ///
    /// Errors: `rejected` with the verifier's log; `mismatch` for a pinned map of another shape, by
    /// name; else `system` with libbpf's explanation (a missing kernel function, no permission).
    /// What was created is gone again then, except for pins made before the error.
    public func load() throws(BPFError) {
        try demandPinsFit()
        let programs = self.programs.filter { bpf_program__autoload($0) }
        let logs = programs.map { program in
            let log = UnsafeMutablePointer<CChar>.allocate(capacity: Self.logBytes)
            log[0] = 0
            bpf_program__set_log_buf(program, log, Self.logBytes)
            return log
        }
        defer {
            // libbpf keeps the pointers, but an object is loaded once only.
            for log in logs { log.deallocate() }
        }
        let (result, detail) = LibraryLog.gathering { bpf_object__load(raw) }
        if result == 0 { return }
        // libbpf asks for a log only after a refusal, so at most one has text.
        for (program, log) in zip(programs, logs) where log[0] != 0 {
            throw .rejected(
                VerifierError(
                    program: String(cString: bpf_program__name(program)), errno: -result,
                    log: String(cString: log)))
        }
        throw .system(
            operation: "bpf_object__load", subject: "object \(name)", errno: -result, detail: detail
        )
    }

    /// Compares each map that is already pinned with the one declared here.
    private func demandPinsFit() throws(BPFError) {
        for map in maps {
            guard let path = bpf_map__pin_path(map).map({ String(cString: $0) }), Pin.exists(path)
            else { continue }
            let subject = "map \(String(cString: bpf_map__name(map))) pinned at \(path)"
            let pinned = try FileDescriptor.pinned(at: path, .map)
            try demandShape(
                of: map, MapInfo(descriptor: pinned.rawValue, subject: subject), subject)
        }
    }
}
