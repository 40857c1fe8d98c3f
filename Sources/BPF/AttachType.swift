// Where a program can hang, by the kernel's numbers.

import CLibBPF

/// A kind of hook (`enum bpf_attach_type`); unknown numbers survive.
public struct AttachType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The kernel's number.
    public let rawValue: UInt32

    /// The hook with the kernel's number `rawValue`.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(_ type: bpf_attach_type) { self.init(rawValue: type.rawValue) }

    /// connect(2) on an IPv4 socket.
    public static let cgroupConnect4 = AttachType(BPF_CGROUP_INET4_CONNECT)
    /// connect(2) on an IPv6 socket, IPv4-mapped addresses included.
    public static let cgroupConnect6 = AttachType(BPF_CGROUP_INET6_CONNECT)
    /// sendmsg(2) on an unconnected IPv4 UDP socket.
    public static let cgroupSendmsg4 = AttachType(BPF_CGROUP_UDP4_SENDMSG)
    /// sendmsg(2) on an unconnected IPv6 UDP socket.
    public static let cgroupSendmsg6 = AttachType(BPF_CGROUP_UDP6_SENDMSG)
    /// recvmsg(2) on an IPv4 UDP socket: the source address told.
    public static let cgroupRecvmsg4 = AttachType(BPF_CGROUP_UDP4_RECVMSG)
    /// recvmsg(2) on an IPv6 UDP socket: the source address told.
    public static let cgroupRecvmsg6 = AttachType(BPF_CGROUP_UDP6_RECVMSG)
    /// getpeername(2) on an IPv4 socket (Linux 5.8).
    public static let cgroupGetpeername4 = AttachType(BPF_CGROUP_INET4_GETPEERNAME)
    /// getpeername(2) on an IPv6 socket (Linux 5.8).
    public static let cgroupGetpeername6 = AttachType(BPF_CGROUP_INET6_GETPEERNAME)
    /// getsockname(2) on an IPv4 socket (Linux 5.8).
    public static let cgroupGetsockname4 = AttachType(BPF_CGROUP_INET4_GETSOCKNAME)
    /// getsockname(2) on an IPv6 socket (Linux 5.8).
    public static let cgroupGetsockname6 = AttachType(BPF_CGROUP_INET6_GETSOCKNAME)
    /// bind(2) on an IPv4 socket.
    public static let cgroupBind4 = AttachType(BPF_CGROUP_INET4_BIND)
    /// bind(2) on an IPv6 socket.
    public static let cgroupBind6 = AttachType(BPF_CGROUP_INET6_BIND)
    /// socket(2) for IPv4 or IPv6.
    public static let cgroupSocketCreate = AttachType(BPF_CGROUP_INET_SOCK_CREATE)
    /// The end of an IPv4 or IPv6 socket (Linux 5.9).
    public static let cgroupSocketRelease = AttachType(BPF_CGROUP_INET_SOCK_RELEASE)
    /// Packets to sockets of the cgroup.
    public static let cgroupPacketIngress = AttachType(BPF_CGROUP_INET_INGRESS)
    /// Packets from sockets of the cgroup.
    public static let cgroupPacketEgress = AttachType(BPF_CGROUP_INET_EGRESS)
    /// TCP events of sockets of the cgroup.
    public static let cgroupSocketOps = AttachType(BPF_CGROUP_SOCK_OPS)
    /// A driver's receive path, before there is an skb.
    public static let xdp = AttachType(BPF_XDP)
    /// Traffic control without a qdisc, Linux 6.6.
    public static let tcxIngress = AttachType(rawValue: UInt32(BPFSHIM_TCX_INGRESS))
    /// Traffic control without a qdisc, Linux 6.6.
    public static let tcxEgress = AttachType(rawValue: UInt32(BPFSHIM_TCX_EGRESS))

    /// "cgroup_inet4_connect"; a number for what this libbpf does not know.
    public var description: String {
        switch self {
        case .tcxIngress: "tcx_ingress"
        case .tcxEgress: "tcx_egress"
        default:
            libbpf_bpf_attach_type_str(bpf_attach_type(rawValue)).map { String(cString: $0) }
                ?? "attach type \(rawValue)"
        }
    }
}

/// Which way packets go through an interface, seen from the stack.
public enum Direction: Sendable, Hashable, CaseIterable {
    /// Packets that the interface received.
    case ingress
    /// Packets about to be sent.
    case egress

    /// The tcx hook of this direction.
    public var tcx: AttachType { self == .ingress ? .tcxIngress : .tcxEgress }
}
