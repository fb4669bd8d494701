package terminal

import (
	"fmt"
	"time"
)

// enough is the time after which a pace says something.
const enough = 2 * time.Second

// pace says how fast a stage goes and how long it will still take, as "12.5/s, 40s left"; ""
// where that cannot be told yet.
func pace(elapsed time.Duration, done, total int) string {
	if elapsed < enough || done <= 0 || total <= done {
		return ""
	}
	rate := float64(done) / elapsed.Seconds()
	left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
	switch {
	case rate >= 100:
		return fmt.Sprintf("%.0f/s, %v left", rate, left)
	case rate >= 1:
		return fmt.Sprintf("%.3g/s, %v left", rate, left)
	}
	return fmt.Sprintf("%.3g/min, %v left", 60*rate, left)
}
