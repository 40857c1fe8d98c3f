// BPF_PROG_TEST_RUN: the kernel runs a program on bytes that we give it, attached to nothing.
// For programs on packets (sched_cls, cgroup_skb, xdp); socket hooks have no test run.

import CLibBPF
import Glibc

/// What a program made of a test packet.
public struct TestRun: Sendable, Equatable {
    /// The program's return value, as TC_ACT_OK.
    public let result: UInt32
    /// The packet afterwards.
    public let packet: [UInt8]
    /// The context afterwards (struct __sk_buff, struct xdp_md); empty if none was given.
    public let context: [UInt8]
    /// Mean time of one run, nanoseconds.
    public let durationNanoseconds: UInt32
}

extension BPFProgram {
    /// By how much a program may let a packet grow in a test run.
    private static var headroomBytes: Int { 4096 }

    /// Runs the program `repetitions` times on a copy of `packet` each, an Ethernet frame of at
    /// least 14 bytes.
    ///
    /// `context` is the C context struct or its beginning; fields that the kernel doesn't take must
    /// be zero. Errors: EINVAL for both kinds of wrong; ENOTSUPP (524) for a type without test
    /// runs.
    public func testRun(
        packet: [UInt8], context: [UInt8] = [], repetitions: UInt32 = 1
    ) throws(BPFError) -> TestRun {
        var output = [UInt8](repeating: 0, count: packet.count + Self.headroomBytes)
        var contextOutput = [UInt8](repeating: 0, count: context.count)
        let (error, run) = packet.withUnsafeBytes { packet in
            context.withUnsafeBytes { context in
                output.withUnsafeMutableBytes { output in
                    contextOutput.withUnsafeMutableBytes { contextOutput in
                        var run = bpfshim_test_run(
                            input: packet.baseAddress, input_size: UInt32(packet.count),
                            output: output.baseAddress, output_size: UInt32(output.count),
                            context_input: context.isEmpty ? nil : context.baseAddress,
                            context_input_size: UInt32(context.count),
                            context_output: context.isEmpty ? nil : contextOutput.baseAddress,
                            context_output_size: UInt32(contextOutput.count),
                            repeat: repetitions, result: 0, duration_ns: 0)
                        return (bpfshim_run_test(descriptor, &run), run)
                    }
                }
            }
        }
        try check(error, "BPF_PROG_TEST_RUN", subject)
        return TestRun(
            result: run.result, packet: Array(output.prefix(Int(run.output_size))),
            context: Array(contextOutput.prefix(Int(run.context_output_size))),
            durationNanoseconds: run.duration_ns)
    }
}
