// What the kernel tells about a link.

import CLibBPF

/// The kernel's description of a link.
public struct LinkInfo: Sendable, Equatable {
    /// What a link is attached to.
    public enum Target: Sendable, Equatable {
        /// `id` is the cgroup's, the inode number of its folder; 0 once the cgroup is gone.
        case cgroup(id: UInt64, AttachType)
        /// `interface` is 0 once the interface is gone.
        case tcx(interface: UInt32, AttachType)
        /// `interface` is 0 once the interface is gone.
        case xdp(interface: UInt32)
        /// A kind of link (`enum bpf_link_type`) that this module does not make.
        case other(type: UInt32)
    }

    /// The kernel's id, valid while the link lives.
    public let id: UInt32
    /// Id of the program that it runs.
    public let programID: UInt32
    /// What it is attached to.
    public let target: Target

    /// Whether what it was attached to is gone, or it was detached; such a link can only be closed.
    public var isDefunct: Bool {
        switch target {
        case .cgroup(let id, _): id == 0
        case .tcx(let interface, _), .xdp(let interface): interface == 0
        case .other: false
        }
    }

    init(descriptor: Int32, subject: String) throws(BPFError) {
        var info = bpf_link_info()
        try check(bpfshim_link_info(descriptor, &info), "BPF_OBJ_GET_INFO_BY_FD", subject)
        id = info.id
        programID = info.prog_id
        switch info.type {
        case BPF_LINK_TYPE_CGROUP.rawValue:
            target = .cgroup(
                id: info.cgroup.cgroup_id, AttachType(rawValue: info.cgroup.attach_type))
        case UInt32(BPFSHIM_LINK_TYPE_TCX):
            // Laid out as netns links are: a number, then the attach type.
            target = .tcx(
                interface: info.netns.netns_ino, AttachType(rawValue: info.netns.attach_type))
        case BPF_LINK_TYPE_XDP.rawValue:
            target = .xdp(interface: info.xdp.ifindex)
        default:
            target = .other(type: info.type)
        }
    }
}

extension BPFLink {
    /// What the kernel tells about the link now.
    public func info() throws(BPFError) -> LinkInfo {
        try LinkInfo(descriptor: descriptor, subject: subject)
    }
}
