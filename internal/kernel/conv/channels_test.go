package conv

import (
	"fmt"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/kernel/parallel"
)

// TestNoChannels: a convolution has channels. What has none is a mistake of the caller, who is told
// so, and not a division by zero somewhere in a method.
func TestNoChannels(t *testing.T) {
	w := parallel.NewWorkers(1)
	defer w.Close()
	for _, channels := range [][2]int{{0, 3}, {3, 0}, {0, 0}} {
		c := Conv{
			Batch: 2, Group: 1, InChannels: channels[0], OutChannels: channels[1],
			In: []int{6, 6}, Kernel: []int{3, 3}, Out: []int{6, 6}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{1, 1},
		}
		x, weight, y := make([]float32, 2*channels[0]*36), make([]float32, channels[0]*channels[1]*9), make([]float32, 2*channels[1]*36)
		for name, run := range map[string]func(){
			"Forward":    func() { c.Forward(w, x, weight, nil, y) },
			"GradInput":  func() { c.GradInput(w, y, weight, x) },
			"GradWeight": func() { c.GradWeight(w, x, y, weight, nil) },
		} {
			func() {
				defer func() {
					want := fmt.Sprintf("%d input and %d output channels", channels[0], channels[1])
					if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
						t.Errorf("%s: %s", name, got)
					}
				}()
				run()
			}()
		}
	}
}
