export{c2_a as a,c2_b as b,c2_c as c,c2_d as d,c2_e as e}from"./run.js";
