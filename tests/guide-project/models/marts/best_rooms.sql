/*--- {materialized: view} ---*/
select month, room, hours
from (
    select month, room, hours, rank() over (partition by month order by hours desc) as place
    from room_months
) as ranked
where place = 1
