# AdvParams for ONNX. `make help` lists the targets; experiments are in bench/Makefile.

GO ?= go
PREFIX ?= /usr/local
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help build install release capi storage demo bench clean fuzz generate lint race site test test-arm64 test-avx2 test-capi test-deploy test-faults test-js test-long test-mutations test-python test-release test-report test-site test-slurm test-storage vuln wheels

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/advparams
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/advparams ./cmd/advparams

capi: ## build bin/capi: the C library, its header and advparams.pc (needs a C compiler)
	GO=$(GO) capi/build

install: build ## install the command, man pages and completion below PREFIX (/usr/local); DESTDIR in front
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && bin/advparams docs --install "$$dir" && \
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
		"$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d" && \
	install -m 755 bin/advparams "$(DESTDIR)$(PREFIX)/bin/" && \
	install -m 644 "$$dir"/man/man1/*.1 "$(DESTDIR)$(PREFIX)/share/man/man1/" && \
	install -m 644 "$$dir"/completions/advparams.bash "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/advparams" && \
	install -m 644 "$$dir"/completions/_advparams "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/" && \
	install -m 644 "$$dir"/completions/advparams.fish "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/"

release: ## build archives, packages and their lists for six systems in ./dist
	cd release && $(GO) run . -o ../dist

test-release: ## build a release twice, compare, and install its Debian package as root
	GO=$(GO) .ci/release

storage: ## build bin/advparams-storage, for models in object storage
	cd storage && CGO_ENABLED=0 $(GO) build -trimpath -o ../bin/advparams-storage ./advparams-storage

demo: ## lock, verify and unlock the embedded model; the files stay in ./demo
	$(GO) run ./cmd/advparams demo --force demo

site: ## build the documentation as a site with search in bin/site (needs Python)
	docs/site/build bin/site

fuzz: ## run every fuzz target for a minute; FUZZTIME=10m for longer
	GO=$(GO) .ci/fuzz

test: ## run all tests
	$(GO) test ./...

test-arm64: ## test the kernels as an arm64 program under QEMU; skipped without it
	GO=$(GO) .ci/arm64

test-avx2: ## test the AVX2 kernels under QEMU, which has no AVX-512; skipped without it
	GO=$(GO) .ci/avx2

test-capi: ## test the C library and its examples; skipped without a C compiler
	GO=$(GO) .ci/capi

test-deploy: ## check deploy/kubernetes against the types of the Kubernetes API
	cd deploy/kubernetes/check && $(GO) vet . && $(GO) test .

test-faults: ## kill commands, and let each fail, at every system call that changes a file (Linux on x86-64)
	ADVPARAMS_FAULTS=1 $(GO) test -count=1 -timeout 1h -v -run 'TestFaults|TestLossOfPower' ./cmd/advparams

test-js: ## test js/ in a copy of it; skipped without Node.js
	GO=$(GO) .ci/js

test-long: ## run in full what make test shortens, such as 200 models in a batch that is killed ten times
	ADVPARAMS_LONG_TESTS=1 $(GO) test -count=1 -timeout 1h -v -run 'TestBatchKilled|TestInterruptedFolders|TestScripts/heads|TestMadeUp$$|TestSearchReferences|TestGame' . ./cmd/advparams ./perturb ./verify/attack

test-mutations: ## inspect, run, lock and unlock 100,000 mutated models and as many mutated keys
	ADVPARAMS_MUTATIONS=100000 $(GO) test -count=1 -timeout 3h -v -run 'TestMutated' .

test-python: ## test python/ in a virtual environment; skipped without Python
	GO=$(GO) .ci/python

test-report: ## look at reports in Chromium, light, dark, on a phone and on paper; skipped without it
	GO=$(GO) .ci/report

test-site: ## build the documentation site and search it in Chromium; skipped without Python
	GO=$(GO) .ci/site

test-slurm: ## run deploy/slurm in a Slurm on this host; skipped where there can be none
	deploy/slurm/e2e.sh

test-storage: ## test object storage against stand-ins for S3, GCS and, with Node.js, Azure
	cd storage && $(GO) vet ./... && $(GO) test .

# By itself the detector lets every process sleep for a second before it ends.
race: ## run the tests under the race detector, without the long ones
	GORACE=atexit_sleep_ms=0 $(GO) test -race -short ./...

bench: ## benchmark the kernels (make -C bench compare: against PyTorch and onnxruntime)
	$(GO) test -run '^$$' -bench . -benchtime 200ms ./internal/kernel/...

lint: ## check formatting; run vet and staticcheck; build for other platforms
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these files" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) vet -tags noasm ./...
	cd bench/plot && $(GO) vet .
	CGO_ENABLED=0 GOARCH=arm64 $(GO) build ./...
	CGO_ENABLED=0 GOARCH=386 $(GO) build ./...

vuln: ## look for known vulnerabilities in the code that is called
	GO=$(GO) .ci/vuln

wheels: ## build python/dist: Python packages with the command in them, for five platforms (needs hatchling and ziglang)
	GO=$(GO) python3 python/build_wheels.py

generate: ## make generated files again: protobuf code, assembly, docs (needs protoc)
	$(GO) generate ./...

clean: ## remove what the other targets leave
	rm -rf bin demo dist python/dist
