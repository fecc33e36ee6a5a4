/*
 * embed: a file of the tree in the program, as a string. The assembler puts it
 * in; the Makefile names it as a prerequisite of the object.
 *
 *	EMBED("viewer_html", "common/viewer/viewer.html");
 *	extern const char viewer_html[];
 */
#ifndef SSETAIL_EMBED_H
#define SSETAIL_EMBED_H

/* `file` by its path from the top. A NUL ends it: it is a text. */
#define EMBED(symbol, file)                                                    \
	__asm__(".section .rodata\n"                                           \
		".global " symbol "\n" symbol ":\n"                            \
		".incbin \"" file "\"\n"                                       \
		".byte 0\n"                                                    \
		".previous\n")

#endif
