# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# For people. The module is built by Kbuild (module/Kbuild), the programs by
# tools/Makefile; everything made lands in build/.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
top := $(CURDIR)
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
# Directory of the configuration of systemd, udev and modules-load.
SYSCONFDIR ?= /etc

kernel-sh := tools/vm/kernel.sh

# KERNEL=stock|next|newest|debug|kcsan (what they are: tools/vm/kernel.sh); or
# any other: make module RELEASE=... KDIR=...
KERNEL ?= stock
RELEASE = $(shell $(kernel-sh) release $(KERNEL))
KDIR = $(shell $(kernel-sh) kdir $(KERNEL))

units := $(notdir $(basename $(wildcard tools/systemd/*.service.in)))

all: module tools

help:
	@echo 'make            the module for Debian'\''s kernel, and all programs'
	@echo 'make demo       boot the test machine and show everything'
	@echo 'make shell      a prompt inside the test machine, daemons running'
	@echo 'make check      all tests on the stock and the debug kernel'
	@echo '                (KERNELS=stock TESTS="test_mqttd*" narrows)'
	@echo 'make check-all  and on the next and the newest kernel and with KCSAN, and'
	@echo '                coverage'
	@echo 'make bench      what a publish costs, counted in instructions'
	@echo 'make soak       processes use and lose channels, and are killed; then the'
	@echo '                books must balance (MINUTES=10 KERNEL=stock|debug)'
	@echo 'make fuzz       fuzz the interface of the module (SECONDS=900'
	@echo '                KERNEL=debug|newest)'
	@echo 'make fault      fail allocations and copies of whole test programs: an hour'
	@echo '                (FAULT_SECONDS=60 for each, FAULT_PROGRAMS="will lib_bus",'
	@echo '                KERNEL=debug|newest)'
	@echo 'make coverage   how many lines of the module the tests reach (LEAST=90'
	@echo '                KERNEL=debug|newest)'
	@echo 'make lint       checkpatch, sparse, clang, shellcheck'
	@echo 'make lint-deep  coccinelle, clang-tidy: minutes'
	@echo 'make setup      install the Debian packages that are missing'
	@echo 'make module     build/RELEASE/mq.ko (KERNEL=stock|next|newest|debug|kcsan,'
	@echo '                or RELEASE=... KDIR=...)'
	@echo 'make tools      build/bin and build/lib'
	@echo 'make install    module, programs, units, rules (PREFIX, DESTDIR)'
	@echo 'make uninstall  takes them away again'
	@echo 'make clean      removes build/'

setup:
	@tools/setup.sh

# A directory of links to the sources for each kernel release: 6.1 can't put
# the objects of an external module elsewhere. The lock lets two makes meet.
module: setup
	@release=$(RELEASE) && kdir=$(KDIR) && \
	[ -n "$$release" ] && [ -n "$$kdir" ] && \
	dir=$(top)/$(BUILD)/$$release && mkdir -p "$$dir" && \
	exec 9>"$$dir/.lock" && flock 9 && \
	printf 'include %s/module/Kbuild\n' $(top) >"$$dir/Kbuild.tmp" && \
	{ cmp -s "$$dir/Kbuild.tmp" "$$dir/Kbuild" || \
	  cp "$$dir/Kbuild.tmp" "$$dir/Kbuild"; } && \
	ln -sf $(top)/module/*.c "$$dir/" && \
	find "$$dir" -maxdepth 1 -xtype l -delete && \
	$(MAKE) -C "$$kdir" M="$$dir" W=1 $(MODULE_FLAGS) modules 9>&-

tools: setup
	@$(MAKE) -f tools/Makefile BUILD=$(BUILD)

tests: tools
	@$(MAKE) -f tools/Makefile BUILD=$(BUILD) tests

fuzzers: setup
	@$(MAKE) -f tools/Makefile BUILD=$(BUILD) fuzzers

lint: setup
	@selftests/lint.sh

lint-deep: setup
	@tools/setup.sh deep
	@selftests/lint-deep.sh

check: setup
	@selftests/run.sh

check-all: setup
	@tools/setup.sh deep
	@DEEP=yes KERNELS="stock next newest debug kcsan" selftests/run.sh

# On a gateway it is the running kernel that counts.
install: RELEASE = $(shell $(kernel-sh) running)
install: KDIR = /lib/modules/$(RELEASE)/build
install: module tools
	$(MAKE) -f tools/Makefile BUILD=$(BUILD) PREFIX=$(PREFIX) \
		DESTDIR=$(DESTDIR) install
	install -D -m 644 $(BUILD)/$(RELEASE)/mq.ko \
		$(DESTDIR)/lib/modules/$(RELEASE)/extra/mq.ko
	$(if $(DESTDIR),,depmod $(RELEASE) && ldconfig)
	install -D -m 644 tools/udev/60-mq.rules \
		$(DESTDIR)$(SYSCONFDIR)/udev/rules.d/60-mq.rules
	install -D -m 644 tools/systemd/modules-load.conf \
		$(DESTDIR)$(SYSCONFDIR)/modules-load.d/mq.conf
	install -d $(DESTDIR)$(SYSCONFDIR)/systemd/system
	for unit in $(units); do \
		sed 's,@bindir@,$(PREFIX)/bin,' tools/systemd/$$unit.in \
			>$(DESTDIR)$(SYSCONFDIR)/systemd/system/$$unit || exit 1; \
	done

uninstall:
	$(MAKE) -f tools/Makefile BUILD=$(BUILD) PREFIX=$(PREFIX) \
		DESTDIR=$(DESTDIR) uninstall
	rm -f $(DESTDIR)/lib/modules/*/extra/mq.ko
	rm -f $(DESTDIR)$(SYSCONFDIR)/udev/rules.d/60-mq.rules \
		$(DESTDIR)$(SYSCONFDIR)/modules-load.d/mq.conf
	rm -f $(addprefix $(DESTDIR)$(SYSCONFDIR)/systemd/system/,$(units))
	$(if $(DESTDIR),,depmod)

demo: all
	@export MQ_NO_COLOR=$${MQ_NO_COLOR:-$$(test -t 1 || echo yes)} && \
	tools/vm/run -- tools/demo/demo.sh

bench: module tests
	@tools/vm/run --icount -- build/selftests/cost

MINUTES ?= 10
soak: module tests
	@tools/vm/run --kernel $(KERNEL) --timeout $$(($(MINUTES) * 60 + 900)) -- \
		build/selftests/soak --minutes $(MINUTES) \
		--least $$(($(MINUTES) * 100)) $(SOAK_FLAGS)

# What it finds is in build/kfuzz then, and so are programs that reached something
# new, with which the next run begins.
SECONDS ?= 900
fuzz: KERNEL = debug
fuzz: module tests
	@mkdir -p $(BUILD)/kfuzz/corpus
	@MQ_OUT=$(BUILD)/kfuzz tools/vm/run --kernel $(KERNEL) \
		--timeout $$(($(SECONDS) + 900)) -- \
		build/selftests-tools/kfuzz --seconds $(SECONDS) \
		--corpus $(BUILD)/kfuzz/corpus --corpus selftests/fuzz/kernel/corpus

coverage: KERNEL = debug
coverage: module tests
	@KERNEL=$(KERNEL) selftests/coverage.sh

# fault*: they have faults of their own.
FAULT_SECONDS ?= 60
FAULT_PROGRAMS ?= \
	$(filter-out fault%,$(notdir $(basename $(wildcard selftests/uapi/*.c)))) \
	$(addprefix lib_,$(notdir $(basename $(wildcard selftests/lib/*.c))))
fault: KERNEL = debug
fault: module tests
	@tools/vm/run --kernel $(KERNEL) --timeout 14400 -- \
		build/selftests-tools/sweep --seconds $(FAULT_SECONDS) \
		$(addprefix build/selftests/,$(FAULT_PROGRAMS))

shell: all
	@tools/vm/run --shell

clean:
	rm -rf $(BUILD)

.PHONY: all help setup module tools tests fuzzers fuzz lint lint-deep check check-all fault coverage \
	demo shell bench soak install uninstall clean
