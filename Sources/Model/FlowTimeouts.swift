// After how much silence a flow is forgotten. One value for the node; kube-proxy's configuration
// may change four of them.

/// Seconds of silence in both directions until a flow's entries go, by protocol and state.
package struct FlowTimeouts: Hashable, Sendable {
    /// kube-proxy's default (conntrack.tcpEstablishedTimeout), a fifth of the kernel's five days.
    package var tcpEstablished: UInt32 = 86_400
    /// kube-proxy's default (conntrack.tcpCloseWaitTimeout).
    package var tcpCloseWait: UInt32 = 3_600
    /// nf_conntrack_tcp_timeout_syn_sent
    package var tcpNew: UInt32 = 120
    /// nf_conntrack_tcp_timeout_close
    package var tcpClosed: UInt32 = 10
    /// nf_conntrack_udp_timeout
    package var udpNew: UInt32 = 30
    /// nf_conntrack_udp_timeout_stream
    package var udpEstablished: UInt32 = 120
    /// nf_conntrack_sctp_timeout_cookie_wait, …_cookie_echoed
    package var sctpNew: UInt32 = 3
    /// nf_conntrack_sctp_timeout_established: 210 since Linux 6.2, five days before.
    package var sctpEstablished: UInt32 = 210
    /// nf_conntrack_sctp_timeout_shutdown_sent, …_recd, …_ack_sent
    package var sctpCloseWait: UInt32 = 3
    /// nf_conntrack_sctp_timeout_closed
    package var sctpClosed: UInt32 = 10
    /// nf_conntrack_icmp_timeout, nf_conntrack_icmpv6_timeout
    package var icmp: UInt32 = 30

    package init() {}

    /// Seconds for one protocol in one state.
    package func seconds(_ protocol: FlowProtocol, _ state: FlowState) -> UInt32 {
        switch (`protocol`, state) {
        case (_, .pending): FlowTimeouts.pending
        case (.tcp, .new): tcpNew
        case (.tcp, .established): tcpEstablished
        case (.tcp, .closeWait): tcpCloseWait
        case (.tcp, .closed): tcpClosed
        case (.udp, .new): udpNew
        case (.udp, _): udpEstablished
        case (.sctp, .new): sctpNew
        case (.sctp, .established): sctpEstablished
        case (.sctp, .closeWait): sctpCloseWait
        case (.sctp, .closed): sctpClosed
        case (.icmp, _), (.icmpv6, _): icmp
        }
    }

    /// An entry that is made and never published is a maker that gave up.
    package static let pending: UInt32 = 10
}
