// Points in time as Go prints them in JSON: RFC 3339 with nanoseconds.

/// Time in UTC, from nanoseconds since 1970.
enum UTCTime {
    /// `2026-08-21T10:15:30.123456789Z`.
    static func rfc3339(nanoseconds: Int) -> String {
        let (seconds, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let (days, second) = seconds.quotientAndRemainder(dividingBy: 86400)
        // Days since 1970-01-01 to a date, by eras of 400 years that begin on 1 March
        // (H. Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(year)-\(padded(month, 2))-\(padded(day, 2))"
        let time = [second / 3600, second / 60 % 60, second % 60].map { padded($0, 2) }
        return "\(date)T\(time.joined(separator: ":")).\(padded(fraction, 9))Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
