// Fragments that come before the first of their packet wait in a map and are sent again behind it:
// this needs a kernel that receives them. The programs are attached, frames go in at far ends of
// the ENI and of a pod's veth, and are read where the pod would.

import Glibc
import Linux
import Model
import Netlink
import Plan
import Testing

@testable import Datapath

/// Sends frames into one interface and prints what another one receives for a MAC address.
private let wireScript = """
    import select, socket, sys, time
    send, receive = sys.argv[1:3]
    prefix, count = bytes.fromhex(sys.argv[3]), int(sys.argv[4])
    def raw(name):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((name, 3))
        return s
    incoming, outgoing = raw(receive), raw(send)
    for line in sys.stdin:
        outgoing.send(bytes.fromhex(line.strip()))
    end = time.monotonic() + 30
    while count and select.select([incoming], [], [], max(0, end - time.monotonic()))[0]:
        frame = incoming.recv(1 << 16)
        if frame.startswith(prefix):
            print(frame.hex())
            count -= 1
    """

@Suite(
    "fragments on the wire", .enabled(if: geteuid() == 0, "needs root"), .timeLimit(.minutes(3)))
struct FragmentWireTests {
    static let families = [Addresses.v4, .v6]

    /// A node with its programs at work and both far ends up.
    private func node(_ at: Addresses) async throws -> (ProgramNode, TestService) {
        let node = try await ProgramNode()
        let route = try node.peers.run { try RouteSocket() }
        for name in ["eth0", "enia", "enib"] { try route.setLink(.name(name), up: true) }
        var service = TestService(at, backend: at.podB)
        service.protocol = .udp
        service.externalPolicy = .local
        try await node.serve([service])
        try await node.apply([.attach(node.eni, .eni), .attach(node.vethA, .pod)])
        return (node, service)
    }

    /// What pod B receives of the frames.
    private func send(
        _ frames: [[UInt8]], into interface: String, of node: ProgramNode, expecting count: Int
    ) async throws -> Set<[UInt8]> {
        let digits = Array("0123456789abcdef".utf8)
        func hex(_ bytes: [UInt8]) -> [UInt8] {
            bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        }
        let mac = String(decoding: hex(ProgramNode.podMACB.octets), as: UTF8.self)
        let result = try await Command(
            ["python3", "-c", wireScript, interface, "enib", mac, String(count)],
            input: frames.flatMap { hex($0) + [10] }, namespace: node.peers
        ).perform()
        try #require(result.succeeded, "\(result.errorOutput)")
        return Set(
            result.output.split(separator: "\n").map { line in
                stride(from: 0, to: line.utf8.count, by: 2).map { index in
                    let start = line.index(line.startIndex, offsetBy: index)
                    return UInt8(line[start..<line.index(start, offsetBy: 2)], radix: 16)!
                }
            })
    }

    /// What pod B gets of a dial.
    private func carried(_ frame: Frame, _ at: Addresses) -> Frame {
        frame.with {
            $0.destination = IPAddress(at.podB)!
            $0.destinationPort = TestService.backendPort
            $0.destinationMAC = ProgramNode.podMACB
            $0.sourceMAC = ProgramNode.hostMACB
            $0.ttl -= 1
        }
    }

    /// Octets that make 15 fragments.
    private let payload = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    /// Orders in which the fragments of a packet come.
    enum Order: CaseIterable {
        case reversed, firstInTheMiddle, secondFirst

        func apply(_ pieces: [[UInt8]]) -> [[UInt8]] {
            switch self {
            case .reversed: return pieces.reversed()
            case .firstInTheMiddle:
                let half = pieces.count / 2
                return Array(pieces[half...] + pieces[..<half])
            case .secondFirst:
                var pieces = pieces
                pieces.swapAt(0, 1)
                return pieces
            }
        }
    }

    @Test(
        "a packet through a node port arrives whole, in whatever order its fragments come",
        arguments: families, Order.allCases)
    func nodePort(_ at: Addresses, _ order: Order) async throws {
        let (node, _) = try await node(at)
        let dialled = node.dial(from: at.remote, to: at.node, TestService.nodePort, .udp).with {
            $0.payload = payload
            $0.destinationMAC = ProgramNode.eniMAC
        }
        let pieces = order.apply(dialled.pieces())
        let received = try await send(
            pieces, into: "eth0", of: node, expecting: pieces.count)
        #expect(received == Set(carried(dialled, at).pieces()))
        let early = pieces.firstIndex(of: dialled.pieces()[0])!
        let counts = try await node.counts()
        #expect(counts["fragment_held"] == UInt64(early))
        #expect(counts["fragment_translated"] == UInt64(pieces.count - 1))
        #expect(counts["flow_made"] == 1)
        #expect(counts["drop_fragment"] == nil)
    }

    @Test(
        "a pod's packet to a ClusterIP arrives whole with its fragments reversed",
        arguments: families)
    func clusterIP(_ at: Addresses) async throws {
        let (node, service) = try await node(at)
        let dialled = node.dial(from: at.podA, to: service.clusterIP, TestService.port, .udp).with {
            $0.payload = payload
            $0.destinationMAC = ProgramNode.hostMACA
        }
        let pieces = dialled.pieces()
        let received = try await send(
            pieces.reversed(), into: "enia", of: node, expecting: pieces.count)
        #expect(received == Set(carried(dialled, at).pieces()))
        #expect(try await node.counts()["drop_fragment"] == nil)
    }

    @Test(
        "what waits for a first fragment of nobody's goes to the stack with it",
        arguments: families)
    func nobodys(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        let other = node.dial(from: at.remote, to: at.node, 9, .udp).with {
            $0.payload = payload
            $0.destinationMAC = ProgramNode.eniMAC
        }
        let pieces = other.pieces()
        // Behind it a packet of ours, in order: when that is through, so is the other.
        let ours = node.dial(from: at.remote, to: at.node, TestService.nodePort, .udp).with {
            $0.destinationMAC = ProgramNode.eniMAC
        }
        let received = try await send(
            pieces.reversed() + [ours.bytes], into: "eth0", of: node, expecting: 1)
        #expect(received == [carried(ours, at).bytes])
        // All come a second time, the last of them perhaps behind ours.
        let total = UInt64(pieces.count)
        for _ in 0..<1000 where try await node.counts()["stack_fragment"] != total {
            try await Task.sleep(for: .milliseconds(10))
        }
        let counts = try await node.counts()
        #expect(counts["fragment_held"] == total - 1)
        #expect(counts["stack_fragment"] == total)
        #expect(counts["drop_fragment"] == nil)
    }
}
