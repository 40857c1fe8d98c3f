// A pod's namespace behind a real veth, with programs on it: for what only a kernel with sockets,
// offloads and segmentation can tell of a program. Scripts/ has what runs in the pod.

import BPF
import Foundation
import Glibc
import Linux
import Model
import Netlink
import Testing

/// A pod behind a veth, and the namespace of its node.
struct Wire {
    let node: NetworkNamespace
    let pod: NetworkNamespace
    let host: UInt32
    let inside: UInt32

    static let hostMAC = MACAddress("02:00:00:00:0a:01")!
    static let mtu: UInt32 = 9001

    /// The pod reaches the node, and takes everything else to be behind the node's end of the veth.
    init(_ at: Addresses) throws {
        node = try NetworkNamespace.anonymous()
        pod = try NetworkNamespace.anonymous()
        let outside = try node.run { try RouteSocket() }
        let within = try pod.run { try RouteSocket() }
        try outside.addVeth(
            NewLink("enia", mac: Self.hostMAC, mtu: Self.mtu),
            peer: NewLink("eth0", mtu: Self.mtu, namespace: pod))
        host = try outside.index(of: "enia")
        inside = try within.index(of: "eth0")
        let length = at.family == .v4 ? 16 : 32
        for (socket, link, address) in [(outside, host, at.node), (within, inside, at.podA)] {
            try socket.setLink("lo", up: true)
            try socket.setLink(.index(link), up: true)
            try socket.addAddress(
                InterfaceAddress(
                    interface: link, address: IPAddress(address)!, prefixLength: length))
        }
        for address in [at.node, at.remote] {
            try within.setNeighbor(IPAddress(address)!, mac: Self.hostMAC, interface: inside)
        }
    }

    /// Whether both ends leave checksums and segmentation to their devices.
    func setOffload(_ isOn: Bool) throws {
        let state = isOn ? "on" : "off"
        for (interface, namespace) in [("eth0", pod), ("enia", node)] {
            let result = try Command(
                ["ethtool", "-K", interface, "tx", state, "tso", state, "gso", state],
                namespace: namespace
            ).run()
            try #require(result.succeeded, "\(result.errorOutput)")
        }
    }

    func attach(
        _ program: borrowing BPFProgram, _ direction: BPF.Direction, to interface: UInt32,
        in namespace: NetworkNamespace
    ) throws {
        let filter = TrafficControlFilter(
            interface: interface, direction, preference: 1, handle: 2)
        let copy = try program.duplicate()
        try namespace.run {
            try TrafficControlFilter.createQdisc(interface: interface)
            try filter.attach(copy)
        }
    }

    /// Puts another machine behind the node, which forwards to it over a device that takes no
    /// offload: what the pod left to be completed is completed there, on the way out.
    func addMachine(behind at: Addresses) throws -> (namespace: NetworkNamespace, address: String) {
        let machine = try NetworkNamespace.anonymous()
        let outside = try node.run { try RouteSocket() }
        let beyond = try machine.run { try RouteSocket() }
        // As large as the pod's: an error about a smaller path would quote the new ports.
        try outside.addVeth(
            NewLink("eth1", mtu: Self.mtu),
            peer: NewLink("eth0", mtu: Self.mtu, namespace: machine))
        let isIPv6 = at.family == .v6
        let (near, far) = isIPv6 ? ("fd00:9::1", "fd00:9::2") : ("10.9.0.1", "10.9.0.2")
        for (socket, name, address) in [(outside, "eth1", near), (beyond, "eth0", far)] {
            let link = try socket.index(of: .name(name))
            try socket.setLink("lo", up: true)
            try socket.setLink(.index(link), up: true)
            try socket.addAddress(
                InterfaceAddress(
                    interface: link, address: IPAddress(address)!, prefixLength: isIPv6 ? 64 : 24))
        }
        let family = isIPv6 ? "-6" : "-4"
        let forward = isIPv6 ? "net.ipv6.conf.all.forwarding=1" : "net.ipv4.ip_forward=1"
        for (command, namespace) in [
            (["ip", family, "route", "add", "default", "via", at.node], pod),
            (["ip", family, "route", "add", "default", "via", near], machine),
            (["sysctl", "-qw", forward], node),
            (["ethtool", "-K", "eth1", "tx", "off"], node),
            (["ethtool", "-K", "eth0", "tx", "off"], machine),
        ] {
            let result = try Command(command, namespace: namespace).run()
            try #require(result.succeeded, "\(command): \(result.errorOutput)")
        }
        return (machine, far)
    }

    /// Runs a script of ours in a namespace of the two; gives its output.
    func run(
        _ script: String, _ arguments: [String], in namespace: NetworkNamespace
    ) async throws -> [UInt8] {
        let path = try #require(
            Bundle.module.url(
                forResource: script, withExtension: "py", subdirectory: "Scripts")?.path)
        let result = try await Command(["python3", path] + arguments, namespace: namespace)
            .perform(timeoutMilliseconds: 240_000)
        try #require(result.succeeded, "\(result.errorOutput)")
        return result.standardOutput
    }
}
