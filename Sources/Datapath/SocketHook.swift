// The eight cgroup hooks of the socket programs: one table of what goes where.

internal import BPF

/// One hook on a cgroup, named as the C function and the link's pin are.
enum SocketHook: String, CaseIterable, Sendable {
    case connect4 = "socket_connect4"
    case connect6 = "socket_connect6"
    case sendmsg4 = "socket_sendmsg4"
    case sendmsg6 = "socket_sendmsg6"
    case recvmsg4 = "socket_recvmsg4"
    case recvmsg6 = "socket_recvmsg6"
    case getpeername4 = "socket_getpeername4"
    case getpeername6 = "socket_getpeername6"

    var attachType: AttachType {
        switch self {
        case .connect4: .cgroupConnect4
        case .connect6: .cgroupConnect6
        case .sendmsg4: .cgroupSendmsg4
        case .sendmsg6: .cgroupSendmsg6
        case .recvmsg4: .cgroupRecvmsg4
        case .recvmsg6: .cgroupRecvmsg6
        case .getpeername4: .cgroupGetpeername4
        case .getpeername6: .cgroupGetpeername6
        }
    }
}
