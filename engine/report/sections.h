/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sections.h - the parts of a text report, each of which prints itself or nothing
 */
#ifndef VOLLEY_REPORT_SECTIONS_H
#define VOLLEY_REPORT_SECTIONS_H
#include "report/page.h"
#include "result/run.h"

/* Columns of the first word of a row, in every section. */
#define SECTION_LABEL 13

/* head.c: what was run, what came of it, and whether that means anything. */
void section_head(struct page *p, const struct run_document *d);
void section_thresholds(struct page *p, const struct run_document *d);

/* figures.c: messages by outcome, latency by phase, the course of the run. */
void section_messages(struct page *p, const struct run_document *d);
void section_latency(struct page *p, const struct run_document *d);
void section_course(struct page *p, const struct run_document *d);

/* peers.c: what the servers said, how connections failed, what TLS agreed on. */
void section_replies(struct page *p, const struct run_document *d);
void section_errors(struct page *p, const struct run_document *d);
void section_tls(struct page *p, const struct run_document *d);

/* pace.c: what a profile or adaptive control did. */
void section_pace(struct page *p, const struct run_document *d);

/* facts.c: sessions, resources, limits, a sink's count, the machine. */
void section_facts(struct page *p, const struct run_document *d);
void section_limits(struct page *p, const struct run_document *d);

#endif
