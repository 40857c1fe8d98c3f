// How errors of the kernel read: the call, the subject, the number's name.

import Linux
import Testing

@Suite struct ErrorTests {
    @Test("a known error number prints its name and its text")
    func known() {
        #expect("\(Errno.noEntry)" == "ENOENT (No such file or directory)")
        #expect(Errno(rawValue: 105) == .noBuffers)
    }

    @Test("an error number that nobody knows survives and prints as a number")
    func unknown() {
        let strange = Errno(rawValue: 4711)
        #expect(strange.rawValue == 4711)
        #expect("\(strange)" == "errno 4711")
    }

    @Test("a kernel error says which call failed on what and why")
    func facts() {
        let error = #expect(throws: KernelError.self) {
            _ = try FileDescriptor(opening: "/no/such/file")
        }
        #expect(error?.call == "open")
        #expect(error?.subject == "/no/such/file")
        #expect(error?.errno == .noEntry)
        #expect(
            error.map { "\($0)" } == "open /no/such/file: ENOENT (No such file or directory)")
    }
}
