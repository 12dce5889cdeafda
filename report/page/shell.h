/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* page.html with page.css and page.js in it, and the policy that lets a browser run these and nothing else; made by format/build/embed_page.py. */
#ifndef KT_REPORT_PAGE_SHELL_H
#define KT_REPORT_PAGE_SHELL_H

extern const char kt_page_shell[];

#endif
