import type { OpenMember } from './member.ts';

export const openMember: OpenMember = () => Promise.reject(new Error('not yet'));
