package conv

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

var update = flag.Bool("update", false, "write testdata/methods")

// network is the convolutions of a well-known network, each once.
type network struct {
	name   string
	layers []Conv
}

// networks returns them for a batch of 32 images.
func networks() []network {
	const batch = 32
	conv := func(in, out, size, kernel, stride, pad int) Conv {
		return conv2(batch, 1, in, out, size, kernel, stride, pad)
	}
	long := func(in, out int, size, kernel []int) Conv {
		one := []int{1, 1}
		return Conv{Batch: batch, Group: 1, InChannels: in, OutChannels: out, In: size, Kernel: kernel, Stride: one, Dilation: one, Pad: []int{0, 0}, Out: []int{size[0] - kernel[0] + 1, size[1] - kernel[1] + 1}}
	}
	depthwise := func(channels, size, kernel, stride int) Conv {
		return conv2(batch, channels, channels, channels, size, kernel, stride, kernel/2)
	}
	mobilenet := network{"MobileNetV2, 224×224", []Conv{conv(3, 32, 224, 3, 2, 1), depthwise(32, 112, 3, 1), conv(32, 16, 112, 1, 1, 0)}}
	for _, b := range []struct{ in, out, size, stride int }{
		{16, 24, 112, 2}, {24, 24, 56, 1}, {24, 32, 56, 2}, {32, 32, 28, 1}, {32, 64, 28, 2}, {64, 64, 14, 1}, {64, 96, 14, 1}, {96, 96, 14, 1}, {96, 160, 14, 2}, {160, 160, 7, 1}, {160, 320, 7, 1},
	} {
		mobilenet.layers = append(mobilenet.layers, conv(b.in, 6*b.in, b.size, 1, 1, 0), depthwise(6*b.in, b.size, 3, b.stride), conv(6*b.in, b.out, b.size/b.stride, 1, 1, 0))
	}
	mobilenet.layers = append(mobilenet.layers, conv(320, 1280, 7, 1, 1, 0))
	vgg := network{name: "VGG-16, 224×224"}
	for _, l := range [][3]int{{3, 64, 224}, {64, 64, 224}, {64, 128, 112}, {128, 128, 112}, {128, 256, 56}, {256, 256, 56}, {256, 512, 28}, {512, 512, 28}, {512, 512, 14}} {
		vgg.layers = append(vgg.layers, conv(l[0], l[1], l[2], 3, 1, 1))
	}
	return []network{
		{"LeNet-5, 28×28", []Conv{conv(1, 6, 28, 5, 1, 2), conv(6, 16, 14, 5, 1, 0), conv(16, 120, 5, 5, 1, 0)}},
		{"ResNet-20, 32×32", []Conv{
			conv(3, 16, 32, 3, 1, 1), conv(16, 16, 32, 3, 1, 1), conv(16, 32, 32, 3, 2, 1), conv(16, 32, 32, 1, 2, 0), conv(32, 32, 16, 3, 1, 1),
			conv(32, 64, 16, 3, 2, 1), conv(32, 64, 16, 1, 2, 0), conv(64, 64, 8, 3, 1, 1),
		}},
		{"ResNet-50, 224×224", []Conv{
			conv(3, 64, 224, 7, 2, 3), conv(64, 64, 56, 1, 1, 0), conv(64, 64, 56, 3, 1, 1), conv(64, 256, 56, 1, 1, 0), conv(256, 128, 56, 1, 1, 0), conv(128, 128, 56, 3, 2, 1),
			conv(256, 512, 56, 1, 2, 0), conv(256, 256, 14, 3, 1, 1), conv(1024, 256, 14, 1, 1, 0), conv(512, 512, 7, 3, 1, 1), conv(512, 2048, 7, 1, 1, 0),
		}},
		mobilenet,
		{"EfficientNet-B0, 224×224", []Conv{depthwise(144, 56, 5, 2), depthwise(240, 28, 5, 1), depthwise(480, 14, 5, 1), depthwise(672, 14, 5, 2), depthwise(1152, 7, 5, 1), conv(1152, 48, 1, 1, 1, 0)}},
		vgg,
		{"VGG-16, 32×32", []Conv{conv(64, 64, 32, 3, 1, 1), conv(256, 256, 8, 3, 1, 1), conv(512, 512, 4, 3, 1, 1), conv(512, 512, 2, 3, 1, 1)}},
		{"MobileNetV2, 32×32", []Conv{depthwise(576, 4, 3, 1), depthwise(576, 4, 3, 2), depthwise(960, 2, 3, 1), conv(160, 960, 2, 1, 1, 0), conv(960, 160, 2, 1, 1, 0), conv(576, 96, 4, 1, 1, 0)}},
		{"ViT, 32×32", []Conv{conv(3, 192, 32, 4, 4, 0)}},
		{"spectra and texts", []Conv{long(20, 200, []int{96, 24}, []int{96, 3}), long(1, 100, []int{50, 300}, []int{3, 300}), long(16, 64, []int{50, 80}, []int{3, 80})}},
	}
}

// TestMethods compares the methods that are chosen for the layers of networks with those of
// testdata/methods, which has a file for each instruction set. A change there is a change of
// speed: measure it.
func TestMethods(t *testing.T) {
	kerneltest.ForEachLevel(t, func(t *testing.T) {
		got, file := methodTable(), filepath.Join("testdata", "methods", strings.ToLower(simd.Name())+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines, want := strings.Split(got, "\n"), strings.Split(string(b), "\n")
		for i := range max(len(lines), len(want)) {
			if i >= min(len(lines), len(want)) || lines[i] != want[i] {
				t.Fatalf("%s:%d: chosen\n%s\nwant\n%s", file, i+1, strings.Join(lines[min(i, len(lines)):min(i+1, len(lines))], ""), strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
			}
		}
	})
}

// methodTable returns the methods for all layers with the instruction set in use.
func methodTable() string {
	var s strings.Builder
	for i, n := range networks() {
		if i > 0 {
			s.WriteByte('\n')
		}
		fmt.Fprintf(&s, "# %s, %s\n", simd.Name(), n.name)
		fmt.Fprintf(&s, "%-36s%-22s%-22s%s\n", "# layer", "forward", "input", "weights")
		for _, c := range n.layers {
			p := c.plan()
			rounds := simd.Active() == simd.AMX // what it differs in from AVX-512
			forward, input := task{Conv: p, rounds: rounds}, task{Conv: p, adjoint: true, rounds: rounds}
			layer := fmt.Sprintf("%d→%d, %d×%d, %d×%d/%d", c.InChannels, c.OutChannels, c.In[0], c.In[1], c.Kernel[0], c.Kernel[1], c.Stride[0])
			if c.Group > 1 {
				layer += fmt.Sprintf(" in %d", c.Group)
			}
			fmt.Fprintf(&s, "%-36s%-22s%-22s%s\n", layer, methodForCorrelation(&forward).name, methodForCorrelation(&input).name, methodForWeights(p).name)
		}
	}
	return s.String()
}
