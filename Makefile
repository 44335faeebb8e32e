# SPDX-License-Identifier: BSD-3-Clause

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
PREFIX ?= /usr/local
KDIR ?= /lib/modules/$(shell uname -r)/build
export VERSION

# To each directory that is built in, another one would be meant.
$(foreach name,DESTDIR PREFIX,$(if $(filter-out /%,$($(name))),\
	$(error $(name)=$($(name)) has to begin with /)))

Q := $(if $(filter 1,$(V)),,@)
MAKEFLAGS += --no-print-directory
BUILD := $(CURDIR)/build
DKMS_DIR := $(DESTDIR)/usr/src/mpipc-$(VERSION)
SYSTEM_DIR := $(DESTDIR)/usr/lib

all: module lib examples tools

help:
	@echo 'Without installing anything (as root, missing Debian packages are installed):'
	@echo '  demo            run the example programs in a virtual machine'
	@echo '  check           run all tests'
	@echo '  lint            check how the source is written, in seconds'
	@echo '  statements      write what check has shown of rte_mp to STATEMENTS.md'
	@echo '  check-lib       run the tests of the library with sanitizers'
	@echo '  check-kernels   build the module for all kernels of x86-64 in selftests/vm/platforms, also'
	@echo '                  real-time ones, and run the tests there; build it for s390x; as root'
	@echo '  check-arm64     build everything for arm64 and run the tests on its kernels in that list'
	@echo '  check-slim      run a part of the tests on arm64 and on a real-time kernel'
	@echo '  check-hosts     do what README says in new systems of Debian 12, 13 and sid, and of'
	@echo '                  Ubuntu 24.04 and 22.04, as root and as a user; as root. Hours;'
	@echo '                  HOSTS="trixie noble" and STEPS="demo check-root" do a part of it'
	@echo '  hosts-results   put what check-hosts has seen into README.md'
	@echo '  check-dkms      install the module with DKMS in Debian 12, 13 and sid, and run its'
	@echo '                  tests on their kernels; as root'
	@echo '  check-dpdk      run programs of DPDK on their own IPC, on mpipc, and on both at once;'
	@echo '                  ROUNDS=300 starts that many secondaries while memory changes'
	@echo '  check-dpdk-versions'
	@echo '                  the same with the programs of Debian 13 and sid; as root'
	@echo '  check-deb       build the Debian packages, install, upgrade, use and purge them, and build'
	@echo '                  those of another architecture, as root'
	@echo '  check-debug     run all tests on kernels that look for errors'
	@echo '  stress          do everything at random, against a model: KERNEL=debug, kcsan, rt,'
	@echo '                  cfi or a release, SECONDS=60, SEED= of a run that is to be repeated'
	@echo '  fuzz            run random programs on the debug kernel, SECONDS=60, SEED=1'
	@echo '  fuzz-merge      put the new programs of that among those it begins with'
	@echo '  fuzz-selfcheck  have the fuzzer find bugs that are planted for it'
	@echo '  stress-selfcheck likewise the stress test: users who pay for another'
	@echo '  bench           measure, next to DPDK on sockets: tables, bench/out/bench.json;'
	@echo '                  HOST=1 for this machine instead of a virtual one, as root'
	@echo '  bench-check     measure a part of it, and compare it with what was published'
	@echo '  bench-results   put what bench has measured into README.md and bench/RESULTS.md'
	@echo 'Building:'
	@echo '  all             module, lib, examples and tools'
	@echo '  module          mpipc.ko for the kernel with headers in KDIR'
	@echo '  lib             libmpipc'
	@echo '  examples        the example programs'
	@echo '  tools           mpipc, the command-line tool'
	@echo '  doc             the comments of all headers and doc/ as HTML, in build/doc'
	@echo '  kernel-patch    the series that puts mpipc into the source of Linux 6.1 and 6.12, in'
	@echo '                  build/kernel-patch; FROM="NAME <ADDRESS>" signs it off'
	@echo '  tags            tags, TAGS and cscope.out, for editors'
	@echo '  compile_commands.json'
	@echo '                  how each file is compiled, in build/, for clangd and others'
	@echo '  clean           remove build/ and the tags'
	@echo '  deb             Debian packages, in build/deb; as root with ARCH=arm64 or another one,'
	@echo '                  those of that architecture in build/deb-ARCH'
	@echo '  dist            the files of the last commit as a tarball, in build/dist'
	@echo 'Installing (uninstall, uninstall-module, uninstall-dkms reverse it):'
	@echo '  install         libraries, headers, manual and tool, under PREFIX'
	@echo '  install-lib     the same without the tool'
	@echo '  install-module  the module for the kernel with headers in KDIR'
	@echo '  install-dkms    the module for every kernel, now and in future, by DKMS'
	@echo 'Variables: DESTDIR PREFIX=$(PREFIX)'
	@echo '  KDIR=$(KDIR) V=1 CC CFLAGS LDFLAGS CROSS_COMPILE'

#
# The module. kbuild writes next to its sources, so it is given links to them.
#

RELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
MODULE_BUILD = $(BUILD)/kmod/$(RELEASE)
# The headers may be gone when the module is to go.
INSTALLED = $(or $(RELEASE),$(notdir $(KDIR:%/build=%)))

# The compiler that the kernel was built with, which may be newer than the system's gcc and have
# options that this one lacks.
KERNEL_CC = $(shell sed -nE 's/^CONFIG_CC_VERSION_TEXT="?([^ ]*gcc[^ ]*) .*/\1/p' \
	$(KDIR)/include/config/auto.conf 2>/dev/null)
# A kernel that clang has built has options that gcc does not know, and those of a newer clang. The tools of
# the kernel's version have it in their names, if they are not the system's default.
KERNEL_CLANG = $(shell sed -nE 's/^CONFIG_CC_VERSION_TEXT=.*clang version ([0-9]+)\..*/-\1/p' \
	$(KDIR)/include/config/auto.conf 2>/dev/null)
KERNEL_LLVM = $(if $(shell grep -sx 'CONFIG_CC_IS_CLANG=y' $(KDIR)/include/config/auto.conf),\
	LLVM=$(or $(if $(KERNEL_CLANG),$(if $(shell command -v ld.lld$(KERNEL_CLANG)),$(KERNEL_CLANG))),1))
# CC or LLVM of the environment or of the command line takes precedence.
MODULE_CC = $(if $(LLVM)$(filter-out default file,$(origin CC)),,$(or $(KERNEL_LLVM),\
	$(if $(shell command -v $(KERNEL_CC)),CC=$(KERNEL_CC))))

kernel-headers:
	@if [ ! -e $(KDIR)/include/generated/utsrelease.h ]; then \
		echo 'No kernel headers in $(KDIR). Either'; \
		echo '- install those of the running kernel:' \
			"apt-get install linux-headers-$$(uname -r)"; \
		echo '- name others: make KDIR=/lib/modules/VERSION/build'; \
		echo '- or do without a module of your own: make demo'; \
		exit 1; \
	fi >&2

module: kernel-headers
	@mkdir -p $(MODULE_BUILD)/kmod
	@ln -sfn $(CURDIR)/include $(MODULE_BUILD)/include
	@find $(MODULE_BUILD)/kmod -type l -delete
	@ln -sfn $(CURDIR)/dkms.conf $(MODULE_BUILD)/dkms.conf
	@ln -s $(CURDIR)/kmod/*.[ch] $(CURDIR)/kmod/Kbuild $(MODULE_BUILD)/kmod
	$(Q)$(MAKE) -C $(KDIR) M=$(MODULE_BUILD)/kmod $(MODULE_CC) modules || { \
		[ -z "$(KERNEL_CC)" ] || command -v $(KERNEL_CC) >/dev/null || \
			echo 'The kernel was built with $(KERNEL_CC), which is missing here:' \
				'apt-get install $(lastword $(subst -gnu-, ,$(KERNEL_CC)))' >&2; \
		exit 1; }

# The files of the system that give the device its owner, and that load the module at boot. The group
# comes before the rule that names it. If the module is loaded already, its device gets the group now.
define install-system
	install -D -m 644 system/sysusers.conf $(SYSTEM_DIR)/sysusers.d/mpipc.conf
	$(if $(DESTDIR),,getent group mpipc >/dev/null || groupadd --system mpipc || \
		{ echo 'The group mpipc is missing: apt-get install passwd' >&2; exit 1; })
	install -D -m 644 system/60-mpipc.rules $(SYSTEM_DIR)/udev/rules.d/60-mpipc.rules
	install -D -m 644 system/modules-load.conf $(SYSTEM_DIR)/modules-load.d/mpipc.conf
	$(if $(DESTDIR),,@[ ! -e /sys/class/misc/mpipc ] || { udevadm control --reload && \
		udevadm trigger --action=change /sys/class/misc/mpipc; } || \
		echo 'udev did not give /dev/mpipc to the group mpipc; mpipc doctor says how to')
endef

# Called by tools/dkms, after the module has been installed.
install-system:
	$(install-system)

# The group stays: files may belong to it.
define uninstall-system
	rm -f $(SYSTEM_DIR)/udev/rules.d/60-mpipc.rules \
		$(SYSTEM_DIR)/sysusers.d/mpipc.conf $(SYSTEM_DIR)/modules-load.d/mpipc.conf
endef

# modprobe would choose between two modules by rules that nobody remembers.
install-module: module
	@if find $(DESTDIR)/lib/modules/$(RELEASE) -name 'mpipc.ko*' \
			! -path '*/updates/mpipc.ko' 2>/dev/null | grep . >&2; then \
		echo 'is in the way. Remove it first, for example with' \
			'make uninstall-dkms' >&2; \
		exit 1; \
	fi
	install -D -m 644 $(MODULE_BUILD)/kmod/mpipc.ko \
		$(DESTDIR)/lib/modules/$(RELEASE)/updates/mpipc.ko
	$(if $(DESTDIR),,depmod $(RELEASE))
	$(install-system)

uninstall-module:
	$(uninstall-system)
	rm -f $(DESTDIR)/lib/modules/$(INSTALLED)/updates/mpipc.ko
	$(if $(DESTDIR),,[ ! -d /lib/modules/$(INSTALLED) ] || depmod $(INSTALLED))

install-dkms:
	$(if $(DESTDIR),,@tools/dkms prepare)
	install -d $(DKMS_DIR)/kmod $(DKMS_DIR)/include/uapi/linux
	install -m 644 dkms.conf $(DKMS_DIR)
	install -m 644 kmod/*.[ch] kmod/Kbuild $(DKMS_DIR)/kmod
	install -m 644 include/uapi/linux/mpipc.h $(DKMS_DIR)/include/uapi/linux
	$(if $(DESTDIR),$(install-system),@tools/dkms install)

uninstall-dkms:
	$(if $(DESTDIR),rm -rf $(DKMS_DIR),@tools/dkms uninstall)
	$(uninstall-system)

#
# Everything else
#

lib:
	$(Q)$(MAKE) -C libmpipc O=$(BUILD)/libmpipc

examples: lib
	$(Q)$(MAKE) -C examples O=$(BUILD)/examples

tools: lib
	$(Q)$(MAKE) -C tools/mpipc O=$(BUILD)/tools LIB=$(BUILD)/libmpipc

# The loader finds the library by its name only after ldconfig has updated its cache, and only in
# some folders.
define update-loader
	$(if $(DESTDIR),,@[ "$$(id -u)" -ne 0 ] || ldconfig)
endef

define explain-loader
	$(if $(DESTDIR),,@PATH=$$PATH:/usr/sbin; ldconfig -p | grep -qF '=> $(INSTALLED_LIB)/libmpipc.so.0' || \
		printf '%s\n' 'Programs do not find the library in $(INSTALLED_LIB) by themselves:' \
			'    export PKG_CONFIG_PATH=$(INSTALLED_LIB)/pkgconfig' \
			'    export LD_LIBRARY_PATH=$(INSTALLED_LIB)' \
			'Instead of the latter, link them with -Wl,-rpath,$(INSTALLED_LIB)')
endef
INSTALLED_LIB = $(or $(LIBDIR),$(PREFIX)/lib)

define install-lib
	$(Q)$(MAKE) -C libmpipc O=$(BUILD)/libmpipc install
	$(Q)$(MAKE) -C man install
	$(update-loader)
endef

# Nothing is built for a user who may not install it.
writable:
	@dir='$(DESTDIR)$(PREFIX)'; \
	while [ ! -e "$$dir" ]; do dir=$$(dirname "$$dir"); done; \
	if [ ! -w "$$dir" ]; then \
		echo '$(DESTDIR)$(PREFIX) is for root to write to. As root, or for yourself:' \
			'make $(or $(MAKECMDGOALS),install) PREFIX=$$HOME/.local' >&2; \
		exit 1; \
	fi

install: writable lib tools
	$(install-lib)
	$(Q)$(MAKE) -C tools/mpipc O=$(BUILD)/tools LIB=$(BUILD)/libmpipc install
	$(explain-loader)

install-lib: writable lib
	$(install-lib)
	$(explain-loader)

uninstall:
	$(Q)$(MAKE) -C libmpipc O=$(BUILD)/libmpipc uninstall
	$(Q)$(MAKE) -C tools/mpipc O=$(BUILD)/tools uninstall
	$(Q)$(MAKE) -C man uninstall
	$(update-loader)

deb:
	@tools/packages $(if $(filter-out $(shell dpkg --print-architecture),$(ARCH)),deb-cross,deb)
	@tools/deb $(ARCH)

dist:
	@tools/packages dist
	@tools/dist

demo:
	@tools/packages demo
	$(Q)$(MAKE) examples
	@selftests/vm/run --with build/examples examples/demo.sh build/examples

check:
	@tools/packages check
	@tools/check vm lint static link man \
		$$(selftests/vm/fetch-kernel --tested | sed 's/^/kselftest-/')

lint:
	@tools/packages lint
	@tools/check lint

one:
	@tools/packages $(if $(filter debug kcsan rt cfi,$(KERNEL)),check-debug,one)
	@KERNEL=$(KERNEL) tools/one '$(TEST)'

statements:
	@tools/statements >build/statements.md || \
		{ grep -E 'no test|failed|did not run' build/statements.md; exit 1; } >&2
	@mv build/statements.md STATEMENTS.md

check-lib:
	@tools/packages check-lib
	@tools/check lib-asan lib-tsan

# The kernels of an architecture that tests run on.
platforms = $(shell awk '$$3 == "$(1)" { print $$1 }' selftests/vm/platforms)

check-kernels:
	@tools/packages check-kernels
	@tools/check $(foreach suite,build kselftest,$(addprefix $(suite)-,$(call platforms,x86-64))) \
		oldest-6.1 oldest-6.12 build-6.1-s390x

check-slim:
	@tools/packages check-slim
	@tools/check slim-6.1-arm64 slim-6.1-rt-amd64

check-arm64:
	@tools/packages check-arm64
	@tools/check $(addprefix kselftest-,$(call platforms,arm64))

check-dkms:
	@tools/packages check-dkms
	@tools/check dkms-bookworm dkms-trixie dkms-sid

check-hosts:
	@tools/packages check-hosts
	@tools/check $(foreach step,$(or $(STEPS),demo install check-root check-user),\
		$(foreach host,$(or $(HOSTS),bookworm trixie sid noble jammy),hosts-$(host)-$(step))) \
		$(if $(HOSTS)$(STEPS),,hosts-bookworm-cross)

hosts-results:
	@tools/hosts-results

check-dpdk:
	@tools/packages check-dpdk
	@ROUNDS='$(ROUNDS)' tools/check dpdk-mpipc dpdk-native dpdk-linked dpdk-primary dpdk-secondary

check-dpdk-versions:
	@tools/packages check-dpdk-versions
	@tools/check dpdk-trixie dpdk-sid

check-deb:
	@tools/packages check-deb
	@tools/check deb deb-upgrade deb-cross

check-debug:
	@tools/packages check-debug
	@tools/check kselftest-debug kselftest-kcsan kselftest-rt kselftest-cfi fault-debug fuzz-selfcheck stress-selfcheck \
		stress-kcsan stress-debug fuzz-debug coverage

stress:
	@tools/packages $(if $(filter debug kcsan rt cfi,$(KERNEL)),check-debug,check)
	@selftests/vm/stress --kernel $(or $(KERNEL),default) $(or $(SECONDS),60) $(SEED)

fuzz:
	@tools/packages check-debug
	@selftests/vm/fuzz $(or $(SECONDS),60) $(SEED)

fuzz-merge:
	@tools/packages check-debug
	@selftests/vm/fuzz --merge

fuzz-selfcheck:
	@tools/packages check-debug
	@selftests/vm/fuzz-selfcheck

stress-selfcheck:
	@tools/packages check
	@selftests/vm/stress-selfcheck --kernel $(or $(KERNEL),default)

bench bench-check:
	@tools/packages bench
	$(Q)$(MAKE) -C bench O=$(BUILD)/bench LIB=$(BUILD)/libmpipc
	@bench/run $(if $(filter bench-check,$@),--check,$(if $(HOST),--host))

bench-results:
	@bench/run --publish

doc:
	@tools/packages doc
	@tools/doc

kernel-patch:
	@tools/packages kernel-patch
	@tools/kernel-patch $(if $(FROM),--from '$(FROM)') 6.1
	@tools/kernel-patch $(if $(FROM),--from '$(FROM)') 6.12

tags:
	@tools/packages tags
	@find kmod libmpipc include tools selftests examples bench -name '*.[ch]' >cscope.files
	@ctags -L cscope.files && ctags -e -L cscope.files && cscope -b -k -i cscope.files

compile_commands.json:
	@tools/packages compile-commands
	@tools/compile-commands

clean:
	rm -rf build tags TAGS cscope.files cscope.out

# PID 1 of the test machines, and the program that prints how fast their clock is.
VM := build/vm
$(VM)/init: selftests/vm/complaint.h
$(VM)/init $(VM)/tsc-khz: $(VM)/%: selftests/vm/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -Wextra -o $@ $< $(if $(filter init,$*),-lkmod)

# Static, so that it is started quickly.
build/fuzz/fuzz: $(wildcard selftests/fuzz/*.[ch]) $(wildcard selftests/*.h) \
		selftests/vm/complaint.h include/uapi/linux/mpipc.h
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -D_GNU_SOURCE -static -Iinclude/uapi -o $@ selftests/fuzz/*.c

.PHONY: all help kernel-headers module writable install-lib install-system install-module uninstall-module \
	install-dkms uninstall-dkms lib examples tools install uninstall deb dist demo check lint \
	statements check-lib check-kernels check-slim check-arm64 check-dkms check-hosts hosts-results check-dpdk check-dpdk-versions \
	check-deb check-debug stress fuzz fuzz-merge fuzz-selfcheck stress-selfcheck bench bench-check bench-results doc kernel-patch \
	tags compile_commands.json clean
