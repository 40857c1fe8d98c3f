// What this kernel can do, found by trying: distributions backport and leave out, so a version
// number proves nothing. Probes attach to nothing and leave nothing behind.

import CLibBPF
import Glibc
import Linux

/// Something that not every kernel can do.
public enum Feature: Sendable, Hashable, CustomStringConvertible {
    /// Traffic control hooks without a qdisc.
    case tcx
    /// Ring buffer maps.
    case ringBuffer
    /// Batches on hash maps.
    case mapBatches
    /// `bpf_sk_storage_get` in cgroup socket address hooks (connect4 and its kin).
    case socketStorageInCgroupHooks
    /// XDP programs. Whether a driver runs them natively only attaching can tell.
    case xdp
    /// A kernel function that programs may call, by name, in the kernel or a loaded module;
    /// `since` is the release that brought it.
    case kernelFunction(String, since: String)

    /// Conntrack lookups in traffic control programs.
    public static let skbConntrackLookup = Feature.kernelFunction(
        "bpf_skb_ct_lookup", since: "5.18")
    /// Conntrack lookups in XDP programs.
    public static let xdpConntrackLookup = Feature.kernelFunction(
        "bpf_xdp_ct_lookup", since: "5.18")

    /// The release of Linux that brought it.
    public var since: String {
        switch self {
        case .tcx: "6.6"
        case .ringBuffer: "5.8"
        case .mapBatches: "5.6"
        case .socketStorageInCgroupHooks: "5.14"
        case .xdp: "4.8"
        case .kernelFunction(_, let since): since
        }
    }

    /// In words, for a log line.
    public var description: String {
        switch self {
        case .tcx: "tcx hook"
        case .ringBuffer: "BPF ring buffer"
        case .mapBatches: "BPF map batches"
        case .socketStorageInCgroupHooks: "socket storage in cgroup hooks"
        case .xdp: "XDP"
        case .kernelFunction(let name, _): "kernel function \(name)"
        }
    }

    /// Throws `unsupported` if this kernel can't.
    public func require() throws(BPFError) {
        if try !isSupported() { throw .unsupported(self, since: since) }
    }

    /// Whether this kernel can, by attempting. A few system calls; for kernel functions tens of
    /// milliseconds, since the kernel's type information is read: ask once. Errors: EPERM.
    public func isSupported() throws(BPFError) -> Bool {
        switch self {
        case .tcx: try probeTCX()
        case .ringBuffer: probeRingBuffer()
        case .mapBatches: try probeMapBatches()
        case .socketStorageInCgroupHooks:
            try LibraryLog.gathering {
                libbpf_probe_bpf_helper(
                    BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_sk_storage_get, nil)
            }.result.supported(self)
        case .xdp:
            try LibraryLog.gathering { libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, nil) }
                .result.supported(self)
        case .kernelFunction(let name, _): try probeKernelFunction(name)
        }
    }

    /// An interface that can't exist: a kernel that knows tcx looks for it first (ENODEV), one that
    /// doesn't refuses the attach type (EINVAL).
    private func probeTCX() throws(BPFError) -> Bool {
        let program = FileDescriptor(
            owning: try check(
                bpfshim_load_trivial(BPF_PROG_TYPE_SCHED_CLS.rawValue), "bpf_prog_load", description
            ))
        let result = bpfshim_link_create(
            program.rawValue, Int32.max, AttachType.tcxIngress.rawValue, 0)
        switch result {
        case -ENODEV: return true
        case -EINVAL: return false
        default:
            throw .system(
                operation: "bpf_link_create", subject: description, errno: abs(result))
        }
    }

    private func probeRingBuffer() -> Bool {
        let (number, _) = LibraryLog.gathering {
            bpfshim_map_create(
                BPF_MAP_TYPE_RINGBUF.rawValue, "probe", 0, 0, UInt32(getpagesize()), 0)
        }
        if number >= 0 { close(number) }
        return number >= 0
    }

    private func probeMapBatches() throws(BPFError) -> Bool {
        let map = FileDescriptor(owning: try createMap(.hash, "probe", 4, 4, 1, 0))
        var count: UInt32 = 1
        return bpfshim_map_update_batch(map.rawValue, [UInt32(1)], [UInt32(1)], &count) == 0
    }
}

extension Int32 {
    /// Reads the answer of libbpf's own probes: 1 yes, 0 no, negative errno.
    fileprivate func supported(_ feature: Feature) throws(BPFError) -> Bool {
        try check(self, "libbpf_probe", feature.description) == 1
    }
}
