/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* First byte of the fuzzer's inputs: the part of the library that reads the rest. */
#ifndef KT_TESTS_FUZZ_PARTS_H
#define KT_TESTS_FUZZ_PARTS_H

enum part {
	PART_FILE = 'f',      /* a file that can be searched */
	PART_PIPE = 'p',      /* the same in small pieces */
	PART_WRAPPED = 'w',   /* a schema and events, wrapped in a file: see wrapped() */
	PART_COLUMNS = 'c',   /* u16 raw length / 8, columns */
	PART_ROWS = 'r',      /* events for the encoder */
	PART_SCHEMA = 's',    /* a schema's text */
	PART_CONSTANTS = 'k', /* context file kernel/constants */
	PART_TEXT = 't',      /* a line of --dump */
	PART_CONTEXT = 'x',   /* a tar */
	PART_EXTRACT = 'e',   /* a tar that is unpacked */
};

#endif
