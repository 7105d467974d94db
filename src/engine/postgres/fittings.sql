-- What tables have that decides how they may be replaced. $1: the schemas, text[].
with relation as materialized (
    select c.oid, n.nspname as schema_name, c.relname as name, c.relkind, c.relreplident, c.relforcerowsecurity,
           c.relowner
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any ($1) and c.relkind in ('r', 'p', 'm')
),
-- Keys: unique indexes of plain columns for all rows, checked at once; primary keys first, then the shortest.
key as (
    select r.oid, i.indexrelid, i.indisprimary,
           pg_catalog.array_agg(a.attname::text order by k.position) as columns,
           pg_catalog.bool_and(a.attnotnull) as filled
    from relation r
    join pg_catalog.pg_index i
        on i.indrelid = r.oid and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
        and i.indexprs is null
    cross join lateral pg_catalog.unnest(i.indkey) with ordinality as k (number, position)
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = k.number
    where k.position <= i.indnkeyatts
    group by r.oid, i.indexrelid, i.indisprimary
),
found (oid, place, what, text, columns) as (
    select oid, case when indisprimary then 0 when filled then 1 else 2 end, 'key', filled::text, columns from key
    union all
    select r.oid, 2, 'unique', pg_catalog.count(*)::text, '{}'
    from relation r
    join pg_catalog.pg_index i on i.indrelid = r.oid and (i.indisunique or i.indisexclusion)
    group by r.oid
    union all
    select r.oid, 3, 'fixed', 'the identity of `' || a.attname || '`', array[a.attname::text]
    from relation r
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attidentity <> '' and not a.attisdropped
    union all
    select r.oid, 3, 'fixed', 'the generated column `' || a.attname || '`', array[a.attname::text]
    from relation r
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attgenerated <> '' and not a.attisdropped
    union all
    select r.oid, 3, 'fixed', 'the sequence `' || pg_catalog.format('%I.%I', n.nspname, s.relname) || '` that belongs to it',
           array[a.attname::text]
    from relation r
    join pg_catalog.pg_depend d
        on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = r.oid and d.deptype = 'a'
        and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
    join pg_catalog.pg_namespace n on n.oid = s.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = d.refobjsubid
    union all
    -- A foreign key out of it can be made again only with the right to refer to what it refers to.
    select r.oid, 3, 'fixed', 'the foreign key `' || k.conname || '`', '{}'
    from relation r
    join pg_catalog.pg_constraint k on k.conrelid = r.oid and k.contype = 'f' and k.conparentid = 0
    where not pg_catalog.has_table_privilege(k.confrelid, 'REFERENCES')
    union all
    select r.oid, 3, 'fixed', 'the security label of ' || l.provider, '{}'
    from relation r
    join pg_catalog.pg_seclabel l
        on l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and l.objoid = r.oid
    union all
    select r.oid, 4, 'made', pg_catalog.format('%s', a.attgenerated), array[a.attname::text]
    from relation r
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attgenerated <> '' and not a.attisdropped
    union all
    select r.oid, 4, 'identity', '', array[a.attname::text]
    from relation r
    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attidentity = 'a' and not a.attisdropped
    union all
    select r.oid, 5, 'frozen', 'row level security is forced on its owner, too', '{}'
    from relation r
    where r.relforcerowsecurity
      and not exists (
          select 1 from pg_catalog.pg_roles u where u.rolname = current_user and (u.rolsuper or u.rolbypassrls)
      )
    union all
    select r.oid, 5, 'frozen', 'the rule `' || w.rulename || '` stands on it', '{}'
    from relation r
    join pg_catalog.pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN' and r.relkind <> 'm'
    union all
    select r.oid, 5, 'frozen', 'the publication `' || p.pubname || '` needs a replica identity of it', '{}'
    from relation r
    join pg_catalog.pg_publication p
        on (p.pubupdate or p.pubdelete)
        and (
            p.puballtables
            or exists (select 1 from pg_catalog.pg_publication_rel l where l.prpubid = p.oid and l.prrelid = r.oid)
            or exists (
                select 1 from pg_catalog.pg_publication_namespace l
                join pg_catalog.pg_namespace n on n.oid = l.pnnspid and n.nspname = r.schema_name
                where l.pnpubid = p.oid
            )
        )
    where r.relkind <> 'm'
      and (
          r.relreplident = 'n'
          or r.relreplident = 'd' and not exists (
              select 1 from pg_catalog.pg_index i where i.indrelid = r.oid and i.indisprimary
          )
      )
)
select r.schema_name::text, r.name::text, f.what, f.text, f.columns
from found f
join relation r on r.oid = f.oid
order by r.schema_name, r.name, f.place, pg_catalog.cardinality(f.columns), f.columns, f.text
